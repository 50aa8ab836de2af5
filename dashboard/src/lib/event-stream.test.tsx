import { act, cleanup, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';

import type { StoredEvent } from '@/lib/history';
import { events, FakeController } from '@/testing/fake-controller';
import { detail, event } from '@/testing/samples';

afterEach(cleanup);

const HISTORY = '/api/v1/change-requests/cr-7k2m/events/newest';

/** A controller whose stored events a test can add to behind the stream's back. */
function controller() {
  const stored = [warned(10, 'first')];
  const fake = new FakeController({
    'GET /api/v1/change-requests/cr-7k2m': () => detail(),
    ...events('cr-7k2m', () => stored),
  });
  return { fake, stored };
}

const warned = (seq: number, message: string, previous = 0): StoredEvent => ({ ...event(seq, { type: 'warned', message }), previous });
const histories = (of: FakeController) => of.asked.filter((one) => one.path === HISTORY).length;
const after = (previous: number, seq: number) => warned(seq, `number ${String(seq)}`, previous);
const shown = async () => (await screen.findAllByText(/^(first|number \d+)$/)).map((one) => one.textContent);

test('a history that reaches up to where the stream begins is read once', async () => {
  const { fake } = controller();
  const page = fake.open('/change-requests/cr-7k2m');
  await page.findByText(/first/);
  act(() => fake.stream.connect());
  act(() => fake.stream.position(10));
  act(() => fake.stream.send(after(10, 12)));
  await page.findByText('number 12');
  expect(histories(fake)).toBe(1);
});

test('what happened between the history and the beginning of the stream is read, and shown once', async () => {
  const { fake, stored } = controller();
  const page = fake.open('/change-requests/cr-7k2m');
  await page.findByText(/first/);
  stored.push(after(10, 11), after(11, 12));
  act(() => fake.stream.connect());
  act(() => fake.stream.position(12));
  act(() => fake.stream.send(after(12, 13)));
  await page.findByText('number 11');
  expect(await shown()).toEqual(['first', 'number 11', 'number 12', 'number 13']);
});

test('events that follow one another need no look back; one that says it was not the next one does', async () => {
  const { fake, stored } = controller();
  const page = fake.open('/change-requests/cr-7k2m');
  await page.findByText(/first/);
  act(() => fake.stream.connect());
  act(() => fake.stream.position(10));
  act(() => fake.stream.send(after(10, 12)));
  act(() => fake.stream.send(after(12, 15)));
  await page.findByText(/number 15/);
  expect(histories(fake)).toBe(1);
  stored.push(after(10, 12), after(12, 15), after(15, 19), after(19, 20));
  act(() => fake.stream.send(after(19, 20)));
  await page.findByText('number 19');
  expect(histories(fake)).toBe(2);
  expect(await shown()).toEqual(['first', 'number 12', 'number 15', 'number 19', 'number 20']);
});

test('a connection that comes back is up to date by itself', async () => {
  const { fake } = controller();
  const page = fake.open('/change-requests/cr-7k2m');
  await page.findByText(/first/);
  act(() => fake.stream.connect());
  act(() => fake.stream.position(10));
  act(() => fake.stream.send(after(10, 12)));
  act(() => fake.stream.lose());
  act(() => fake.stream.connect());
  act(() => fake.stream.send(after(12, 13)));
  await page.findByText(/number 13/);
  await waitFor(() => expect(histories(fake)).toBe(1));
});
