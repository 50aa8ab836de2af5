import { act, cleanup, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test } from 'vitest';

import { FakeController, problem } from '@/testing/fake-controller';
import { event, summary } from '@/testing/samples';

afterEach(cleanup);

const board = (...items: unknown[]) => ({ 'GET /api/v1/change-requests': () => ({ items, next_cursor: null, events_after: 0 }) });

test('what needs a person comes first, and the tab says how much', async () => {
  const controller = new FakeController(
    board(
      summary({ id: 'cr-run', title: 'Running one' }),
      summary({ id: 'cr-gate', title: 'Waiting one', status: 'waiting', wait_kind: 'gate', stage: 'release_gate' }),
      summary({ id: 'cr-stop', title: 'Stopped one', status: 'paused', pause_reason: 'budget' }),
    ),
  );
  controller.open('/');
  const groups = await screen.findAllByRole('region');
  expect(groups.map((group) => group.getAttribute('aria-label'))).toEqual(['needs you', 'ready for a decision', 'running']);
  expect(within(groups[0] as HTMLElement).getByText('The budget is used up')).toBeDefined();
  expect(document.title).toBe('(2) Changeline');
});

test('an empty board says how to begin', async () => {
  new FakeController(board()).open('/');
  expect(await screen.findByText('No change request yet.')).toBeDefined();
  expect(screen.getByText(/changeline submit/)).toBeDefined();
});

test('a refusal is shown in the words of the controller, with its remedy', async () => {
  new FakeController({ 'GET /api/v1/change-requests': () => problem(403, 'You may not look.', 'Ask an admin.') }).open('/');
  const alert = await screen.findByRole('alert');
  expect(alert.textContent).toContain('You may not look.');
  expect(alert.textContent).toContain('Ask an admin.');
});

test('the search narrows the board', async () => {
  new FakeController(board(summary(), summary({ id: 'cr-2', title: 'Export orders' }))).open('/');
  await userEvent.type(await screen.findByRole('searchbox'), 'export');
  expect(screen.queryByText('Reject expired codes')).toBeNull();
  expect(screen.getByText('Export orders')).toBeDefined();
});

test('an event refreshes the board, and a lost stream is said', async () => {
  let status: 'running' | 'completed' = 'running';
  const controller = new FakeController({
    'GET /api/v1/change-requests': () => ({ items: [summary({ status })], next_cursor: null, events_after: 0 }),
  });
  controller.open('/');
  await screen.findByRole('region', { name: 'running' });
  act(() => controller.stream.connect());
  expect(screen.getByText('Live')).toBeDefined();
  status = 'completed';
  act(() => controller.stream.send(event(7, { type: 'status_changed', status: 'completed', message: '' })));
  expect(await screen.findByRole('region', { name: 'done' })).toBeDefined();
  act(() => controller.stream.lose());
  expect((await screen.findByRole('alert')).textContent).toContain('The controller does not answer.');
});
