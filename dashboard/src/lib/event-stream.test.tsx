import { act, waitFor } from '@testing-library/react';
import { expect, test } from 'vitest';

import type { StoredEvent } from '@/lib/event-stream';
import { FakeController } from '@/testing/fake-controller';
import { detail, event } from '@/testing/samples';

const HISTORY = '/api/v1/change-requests/cr-7k2m/events';

function controller() {
  const first = event(10, { type: 'warned', message: 'first' });
  return new FakeController({
    'GET /api/v1/change-requests/cr-7k2m': () => detail(),
    [`GET ${HISTORY}`]: () => ({ items: [first], next_after: 10 }),
  });
}

const histories = (of: FakeController) => of.asked.filter((one) => one.path === HISTORY).length;
const after = (previous: number, seq: number) =>
  ({ ...event(seq, { type: 'warned', message: `number ${String(seq)}` }), previous }) as StoredEvent;

test('events that follow one another need no look back; one that says it was not the next one does', async () => {
  const fake = controller();
  const page = fake.open('/change-requests/cr-7k2m');
  await page.findByText(/first/);
  act(() => fake.stream.connect());
  await waitFor(() => expect(histories(fake)).toBe(2));
  act(() => fake.stream.send(after(10, 12)));
  act(() => fake.stream.send(after(12, 15)));
  await page.findByText(/number 15/);
  expect(histories(fake)).toBe(2);
  act(() => fake.stream.send(after(19, 20)));
  await waitFor(() => expect(histories(fake)).toBe(3));
});

test('a connection that comes back is up to date by itself', async () => {
  const fake = controller();
  const page = fake.open('/change-requests/cr-7k2m');
  await page.findByText(/first/);
  act(() => fake.stream.connect());
  await waitFor(() => expect(histories(fake)).toBe(2));
  act(() => fake.stream.send(after(10, 12)));
  act(() => fake.stream.lose());
  act(() => fake.stream.connect());
  act(() => fake.stream.send(after(12, 13)));
  await page.findByText(/number 13/);
  expect(histories(fake)).toBe(2);
});
