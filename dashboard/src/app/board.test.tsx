import { act, cleanup, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test } from 'vitest';

import type { Schemas } from '@/lib/api';
import { prefer } from '@/lib/preferences';
import { FakeController, problem } from '@/testing/fake-controller';
import { event, summary } from '@/testing/samples';

afterEach(cleanup);

type Summary = Schemas['ChangeRequestSummary'];
type Groups = Partial<Record<Schemas['Attention'], Summary[]>>;

/** A board that pages and counts as the controller does. */
function board(groups: () => Groups) {
  const matching = (query: URLSearchParams) => (item: Summary) => item.title.toLowerCase().includes((query.get('q') ?? '').toLowerCase());
  const NONE = { needs_you: [], running: [], waiting: [], ready: [], done: [] };
  return {
    'GET /api/v1/change-requests': (query: URLSearchParams) => {
      const items = groups()[query.get('attention') as Schemas['Attention']] ?? [];
      return { items: items.filter(matching(query)), next_cursor: null, events_after: 0 };
    },
    'GET /api/v1/attention': (query: URLSearchParams) =>
      Object.fromEntries(Object.entries({ ...NONE, ...groups() }).map(([group, items]) => [group, items.filter(matching(query)).length])),
  };
}

test('what needs a person comes first, and the tab says how much', async () => {
  const controller = new FakeController(
    board(() => ({
      running: [summary({ id: 'cr-run', title: 'Running one' })],
      ready: [summary({ id: 'cr-gate', title: 'Waiting one', status: 'waiting', wait_kind: 'gate', stage: 'release_gate' })],
      needs_you: [summary({ id: 'cr-stop', title: 'Stopped one', status: 'paused', pause_reason: 'budget' })],
    })),
  );
  controller.open('/');
  const groups = await screen.findAllByRole('region');
  expect(groups.map((group) => group.getAttribute('aria-label'))).toEqual(['Needs you', 'Running', 'Ready to release']);
  expect(await within(groups[0] as HTMLElement).findByText('The budget is used up')).toBeDefined();
  expect(document.title).toBe('(2) Changeline');
});

test('an empty board says how to begin', async () => {
  new FakeController({}).open('/');
  expect(await screen.findByText('No change request yet.')).toBeDefined();
  expect(screen.getByText(/changeline submit/)).toBeDefined();
});

test('a refusal is shown in the words of the controller, with its remedy', async () => {
  new FakeController({ 'GET /api/v1/attention': () => problem(403, 'You may not look.', 'Ask an admin.') }).open('/');
  const alert = await screen.findByRole('alert');
  expect(alert.textContent).toContain('You may not look.');
  expect(alert.textContent).toContain('Ask an admin.');
});

test('the search narrows the board', async () => {
  new FakeController(board(() => ({ running: [summary(), summary({ id: 'cr-2', title: 'Export orders' })] }))).open('/');
  await userEvent.type(await screen.findByRole('searchbox'), 'export');
  await waitFor(() => expect(screen.queryByText('Reject expired codes')).toBeNull());
  expect(screen.getByText('Export orders')).toBeDefined();
});

test('an event refreshes the board, and a lost stream is said', async () => {
  let status: 'running' | 'completed' = 'running';
  const controller = new FakeController(board(() => (status === 'running' ? { running: [summary()] } : { done: [summary({ status })] })));
  controller.open('/');
  await screen.findByRole('region', { name: 'Running' });
  act(() => controller.stream.connect());
  expect(screen.getByText('Live')).toBeDefined();
  status = 'completed';
  act(() => controller.stream.send(event(7, { type: 'status_changed', status: 'completed', message: '' })));
  expect(await screen.findByRole('region', { name: 'Done' })).toBeDefined();
  act(() => controller.stream.lose());
  expect((await screen.findByRole('alert')).textContent).toContain('The controller does not answer.');
});

test('j and k move over the rows, g i leads to the inbox, and single keys can be switched off', async () => {
  const controller = new FakeController(board(() => ({ running: [summary(), summary({ id: 'cr-2', title: 'Export orders' })] })));
  controller.open('/');
  const row = await screen.findByRole('link', { name: /Export orders/ });
  await userEvent.keyboard('jj');
  expect(document.activeElement).toBe(row);
  await userEvent.keyboard('gi');
  expect(await screen.findByText('Nothing waits for you.')).toBeDefined();
  act(() => prefer({ singleKeys: false }));
  await userEvent.keyboard('gr');
  expect(screen.getByText('Nothing waits for you.')).toBeDefined();
  act(() => prefer({ singleKeys: true }));
});

test('a group of thousands shows its count and asks for the next page', async () => {
  const items = Array.from({ length: 100 }, (_, index) => summary({ id: `cr-${index}`, title: `Change ${index}` }));
  const asked: (string | null)[] = [];
  new FakeController({
    'GET /api/v1/attention': () => ({ needs_you: 0, running: 4_000, waiting: 0, ready: 0, done: 0 }),
    'GET /api/v1/change-requests': (query) => {
      if (query.get('attention') !== 'running') return { items: [], next_cursor: null, events_after: 0 };
      asked.push(query.get('cursor'));
      return { items: query.get('cursor') ? [summary({ id: 'cr-last', title: 'The last one' })] : items, next_cursor: query.get('cursor') ? null : 'next', events_after: 0 };
    },
  }).open('/');
  await userEvent.click(await screen.findByRole('button', { name: 'Show more (100 of 4000)' }));
  expect(await screen.findByText('The last one')).toBeDefined();
  expect(asked).toContain('next');
});
