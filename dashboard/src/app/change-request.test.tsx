import { act, cleanup, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test } from 'vitest';

import type { Schemas } from '@/lib/api';
import { events, FakeController, problem } from '@/testing/fake-controller';
import { detail, event, gate } from '@/testing/samples';

afterEach(cleanup);

const HERE = '/api/v1/change-requests/cr-7k2m';
const PAGE = '/change-requests/cr-7k2m';

function controllerWith(of: Schemas['ChangeRequestDetail'], more: Record<string, (query: URLSearchParams) => unknown> = {}) {
  const items = [
    event(1, { type: 'stage_entered', stage: 'development', round: 2 }),
    event(2, { type: 'tool_called', stage: 'development', role: 'code_writer', instance: 'w', turn: 1, tool: 'bash', summary: 'pytest -q', ok: true, duration_s: 2 }),
  ];
  return new FakeController({
    [`GET ${HERE}`]: () => of,
    ...events('cr-7k2m', () => items),
    ...more,
  });
}

test('the stage that works now is marked, with its round, and the agent says what it does', async () => {
  controllerWith(detail()).open(PAGE);
  const stages = await screen.findByRole('navigation', { name: 'Stages' });
  const current = within(stages).getAllByRole('listitem').find((item) => item.getAttribute('aria-current') === 'step');
  expect(current?.textContent).toContain('Development');
  expect(current?.textContent).toContain('round 2');
  expect(screen.getByRole('region', { name: 'Steering' }).textContent).toContain('code writer: pytest -q');
});

test('an event appears in the activity once, however often it arrives', async () => {
  const controller = controllerWith(detail());
  controller.open(PAGE);
  const log = await screen.findByRole('log');
  const warned = event(3, { type: 'warned', message: 'The checkout has uncommitted changes.' });
  act(() => controller.stream.send(warned));
  act(() => controller.stream.send(warned));
  expect(await within(log).findAllByText('The checkout has uncommitted changes.')).toHaveLength(1);
});

test('a long history opens at its end, and earlier pages come when they are asked for', async () => {
  const items = Array.from({ length: 1_900 }, (_, index) =>
    event(index + 1, { type: 'tool_called', repository: 'shop', stage: 'development', role: 'code_writer', instance: 'w', turn: 1, tool: 'bash', summary: `call ${index + 1}`, ok: true, duration_s: 0 }));
  const controller = controllerWith(detail(), events('cr-7k2m', () => items));
  controller.open(PAGE);
  expect(await screen.findByText(/The newest 400 of 1,900 events/)).toBeDefined();
  expect(screen.getByRole('region', { name: 'Live: shop' }).textContent).toContain('1900 tool calls');
  await userEvent.click(screen.getByRole('button', { name: 'Show earlier' }));
  expect(await screen.findByText(/The newest 1,400 of 1,900 events/)).toBeDefined();
  await userEvent.click(screen.getByRole('button', { name: 'Show earlier' }));
  await waitFor(() => expect(screen.queryByRole('button', { name: 'Show earlier' })).toBeNull());
  expect(controller.asked.filter(({ path }) => path.endsWith('/newest'))).toHaveLength(3);
});

test('the course goes on with the stream: a tool call counts once, whether the summary or the stream told it', async () => {
  const call = (seq: number) =>
    event(seq, { type: 'tool_called', repository: 'shop', stage: 'development', role: 'code_writer', instance: 'w', turn: 1, tool: 'bash', summary: `call ${seq}`, ok: true, duration_s: 0 });
  const items = [call(1), call(2)];
  const controller = controllerWith(detail(), events('cr-7k2m', () => items));
  controller.open(PAGE);
  const panel = await screen.findByRole('region', { name: 'Live: shop' });
  act(() => controller.stream.send(call(2)));
  act(() => controller.stream.send({ ...call(3), previous: 2 }));
  expect(await within(panel).findByText('3 tool calls')).toBeDefined();
  expect(panel.textContent).toContain('call 3');
});

test('canned answers are named as such', async () => {
  controllerWith(detail({ model: { name: 'scripted', scripted: true } })).open(PAGE);
  expect(await screen.findByText('scripted model')).toBeDefined();
});

test('a pause says why, and offers exactly what the controller allows', async () => {
  const actions: Schemas['AvailableAction'][] = [
    { action: 'resume', explanation: 'Go on.', mode: null },
    { action: 'cancel', explanation: 'End it.', mode: null },
  ];
  const facts = { tests: ['tests/test_a.py::test_b'] };
  const pause: Schemas['PauseView'] = { reason: 'identical_failures', message: 'Three times the same.', facts, actions };
  const controller = controllerWith(detail({ status: 'paused', pause, actions }), {
    [`POST ${HERE}/interventions`]: () => ({ id: 'i', status: 'queued', change_request_status: 'queued', message: 'It goes on.' }),
  });
  controller.open(PAGE);
  const banner = await screen.findByRole('region', { name: 'Paused' });
  expect(banner.textContent).toContain('The same tests keep failing');
  expect(banner.textContent).toContain('tests/test_a.py::test_b');
  expect(within(banner).getAllByRole('button').map((button) => button.textContent)).toEqual(['Resume', 'Cancel']);

  await userEvent.type(within(banner).getByRole('textbox'), 'Use the euro sign.');
  await userEvent.click(within(banner).getByRole('button', { name: 'Resume' }));
  expect(await screen.findByText(/It goes on/)).toBeDefined();
  expect(controller.asked.find((one) => one.method === 'POST')?.body).toEqual({ action: 'resume', instructions: 'Use the euro sign.' });
});

test('ending a change request takes a second press', async () => {
  const actions: Schemas['AvailableAction'][] = [{ action: 'cancel', explanation: 'End it.', mode: null }];
  const pause: Schemas['PauseView'] = { reason: 'human_pause', message: '', facts: {}, actions };
  const controller = controllerWith(detail({ status: 'paused', pause, actions }));
  controller.open(PAGE);
  await userEvent.click(await screen.findByRole('button', { name: 'Cancel' }));
  expect(controller.asked.some((one) => one.method === 'POST')).toBe(false);
  await userEvent.click(screen.getByRole('button', { name: /Press again/ }));
  expect(controller.asked.some((one) => one.method === 'POST')).toBe(true);
});

test('an approval carries the hash of what was shown', async () => {
  const controller = controllerWith(detail({ status: 'waiting', wait_kind: 'gate', stage: 'release_gate' }), {
    'GET /api/v1/gates': (query) => ({ items: query.get('status') === 'open' ? [gate()] : [] }),
    'POST /api/v1/gates/gate-1/decision': () => gate({ status: 'decided' }),
  });
  controller.open(PAGE);
  const card = await screen.findByRole('region', { name: 'Decision: release' });
  expect(card.textContent).toContain('149 passed');
  expect(within(card).getByRole<HTMLButtonElement>('button', { name: 'Reject' }).disabled).toBe(true);
  await userEvent.click(within(card).getByRole('button', { name: 'Approve' }));
  expect(controller.asked.find((one) => one.method === 'POST')?.body).toMatchObject({
    decision: 'approve',
    content_hash: '5f0c9a1e44b27d3380f1',
  });
});

test('a decision on content that changed meanwhile is refused visibly', async () => {
  const controller = controllerWith(detail({ status: 'waiting', wait_kind: 'gate' }), {
    'GET /api/v1/gates': (query) => ({ items: query.get('status') === 'open' ? [gate()] : [] }),
    'POST /api/v1/gates/gate-1/decision': () => problem(409, 'The content changed.', 'Look again.'),
  });
  controller.open(PAGE);
  await userEvent.click(await screen.findByRole('button', { name: 'Approve' }));
  expect((await screen.findByRole('alert')).textContent).toContain('The content changed.');
});

test('the tab in the address is the tab that opens', async () => {
  const patch = 'diff --git a/shop/a.py b/shop/a.py\n--- a/shop/a.py\n+++ b/shop/a.py\n@@ -1 +1 @@\n-old\n+new\n';
  const file = { path: 'shop/a.py', status: 'M', added: 1, removed: 1, binary: false, old_path: null };
  controllerWith(detail(), {
    [`GET ${HERE}/diff`]: () => ({ items: [{ repository: 'shop', base: 'a', head: 'b', files: [file], patch, truncated: false }] }),
  }).open(`${PAGE}?tab=diff`);
  const changes = await screen.findByRole('group', { name: 'Changes of shop/a.py' });
  expect(changes.textContent).toContain('+new');
  expect(screen.getByRole('link', { name: 'diff' }).getAttribute('aria-current')).toBe('page');
});

test('a change request that does not exist says so', async () => {
  new FakeController({}).open('/change-requests/cr-none');
  expect((await screen.findByRole('alert')).textContent).toContain('Nothing is known about');
});
