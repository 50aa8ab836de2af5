import { cleanup, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Schemas } from '@/lib/api';
import { prefer } from '@/lib/preferences';
import { events, FakeController, problem } from '@/testing/fake-controller';
import { conversation, detail, repositoryDiff, testRun } from '@/testing/samples';

beforeEach(() => prefer({ diff: 'unified' }));
afterEach(() => {
  cleanup();
  sessionStorage.clear();
});

const HERE = '/api/v1/change-requests/cr-7k2m';
const PAGE = '/change-requests/cr-7k2m';
const [FIRST, SECOND] = conversation().turns.map((turn) => turn.commit);

function turnDiff(turn: number, since: Schemas['Since'], text: string): Schemas['TurnDiffView'] {
  return { conversation: conversation(), turn, since, diff: repositoryDiff({ patch: patchOf(text) }) };
}

function patchOf(text: string): string {
  return `diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n same\n-old\n+${text}\n`;
}

function controllerWith(of: Schemas['ChangeRequestDetail'], more: Record<string, (query: URLSearchParams) => unknown> = {}) {
  return new FakeController({
    [`GET ${HERE}`]: () => of,
    ...events('cr-7k2m', () => []),
    [`GET ${HERE}/diff`]: () => ({ items: [repositoryDiff({ patch: patchOf('all of it') })] }),
    [`GET ${HERE}/turns`]: () => ({ items: [conversation()] }),
    [`GET ${HERE}/turns/${FIRST}/diff`]: () => turnDiff(2, 'turn', 'first try'),
    [`GET ${HERE}/turns/${SECOND}/diff`]: (query) =>
      query.get('since') === 'conversation' ? turnDiff(5, 'conversation', 'the conversation') : turnDiff(5, 'turn', 'second try'),
    ...more,
  });
}

const changes = () => screen.findByRole('group', { name: 'Changes of a.py' });
const shown = (line: string) => waitFor(async () => expect((await changes()).textContent).toContain(line));

test('beside the whole change a turn or a conversation can be chosen, with the way to its conversation', async () => {
  controllerWith(detail()).open(`${PAGE}?tab=diff`);
  expect((await changes()).textContent).toContain('+all of it');
  const chooser = await screen.findByRole('combobox', { name: 'Show' });
  await userEvent.selectOptions(chooser, 'turn 2');
  await shown('+first try');
  expect(screen.getByText(/Exactly what the code writer changed in turn 2/)).toBeDefined();
  await userEvent.selectOptions(chooser, 'the whole conversation');
  await shown('+the conversation');
  const talk = new URLSearchParams(screen.getByRole('link', { name: 'Read the conversation' }).getAttribute('href')?.split('?')[1]);
  expect([talk.get('tab'), talk.get('instance')]).toEqual(['conversation', 'shop/1']);
});

test('an address with a turn opens on it, and single keys walk through the turns', async () => {
  controllerWith(detail()).open(`${PAGE}?tab=diff&turn=${FIRST}`);
  await shown('+first try');
  const earlier = await screen.findByRole<HTMLButtonElement>('button', { name: 'Earlier turn' });
  expect(earlier.disabled).toBe(true);
  await userEvent.keyboard('.');
  await shown('+second try');
  await userEvent.keyboard('.');
  await shown('+all of it');
  expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Later turn' }).disabled).toBe(true);
  await userEvent.keyboard(',');
  await shown('+second try');
});

test('a turn that is no longer kept says so, and the way back stays', async () => {
  controllerWith(detail(), {
    [`GET ${HERE}/turns/${FIRST}/diff`]: () => problem(410, 'What turn 2 changed is no longer kept.', 'Look at the whole change.'),
  }).open(`${PAGE}?tab=diff&turn=${FIRST}`);
  expect((await screen.findByRole('alert')).textContent).toContain('no longer kept.Look at the whole change.');
  await userEvent.selectOptions(await screen.findByRole('combobox', { name: 'Show' }), 'the whole change');
  expect((await changes()).textContent).toContain('+all of it');
});

test('a turn that does not exist is refused visibly before any turn is listed', async () => {
  controllerWith(detail(), {
    [`GET ${HERE}/turns`]: () => ({ items: [] }),
    [`GET ${HERE}/turns/nothing/diff`]: () => problem(404, 'No turn named nothing exists.', 'List the turns.'),
  }).open(`${PAGE}?tab=diff&turn=nothing`);
  expect((await screen.findByRole('alert')).textContent).toContain('No turn named nothing exists.');
  expect(screen.getByRole<HTMLSelectElement>('combobox', { name: 'Show' }).selectedOptions[0]?.textContent).toContain('not listed');
});

test('side by side, both sides take comments, and all of them go out as one instruction', async () => {
  prefer({ diff: 'split' });
  const actions: Schemas['AvailableAction'][] = [{ action: 'redirect', explanation: 'Tell them.', mode: null }];
  const controller = controllerWith(detail({ actions }), {
    [`POST ${HERE}/interventions`]: () => ({ id: 'i', status: 'queued', change_request_status: 'running', message: 'Told.' }),
  });
  controller.open(`${PAGE}?tab=diff&turn=${FIRST}`);
  const at = 'as of turn 2 of code writer, conversation 1';
  await comment(`shop/a.py:2 (before) ${at}`, 'Why did this go?');
  await comment(`shop/a.py:2 ${at}`, 'Name it well.');
  expect(within(await changes()).getAllByRole('button', { name: /^Comment on/ })).toHaveLength(3);
  await userEvent.click(screen.getByRole('button', { name: 'Send as one instruction' }));
  const said = controller.asked.filter((one) => one.method === 'POST');
  expect(said).toHaveLength(1);
  expect(said[0]?.body).toEqual({
    action: 'redirect',
    instructions: `At shop/a.py:2 (before) ${at} (\`old\`): Why did this go?\nAt shop/a.py:2 ${at} (\`first try\`): Name it well.`,
  });
});

test('a comment begun in one view is there in the other', async () => {
  controllerWith(detail()).open(`${PAGE}?tab=diff`);
  await comment('shop/a.py:1', 'About what stayed.');
  await userEvent.click(screen.getByRole('checkbox', { name: 'side by side' }));
  expect(within(await changes()).getByText('About what stayed.')).toBeDefined();
});

test('a log shows what failed first and then everything the run printed, page after page', async () => {
  const report = {
    cases: [
      { test_id: 'tests/test_a.py::test_b', outcome: 'failed', failure: { message: 'm', tail: '\u001b[31massert 1 == 2\u001b[0m' } },
      { test_id: 'tests/test_a.py::test_c', outcome: 'passed' },
    ],
  };
  const page = { run_id: 'run-1', size_bytes: 2_000, whole: true, cut: false, note: '' };
  const controller = controllerWith(detail(), {
    [`GET ${HERE}/tests`]: () => ({ attempt: 1, items: [testRun({ ok: false, report })] }),
    [`GET ${HERE}/tests/run-1/log`]: (query) =>
      query.get('offset') === '0'
        ? { ...page, text: '$ pytest\n', offset: 0, next_offset: 9 }
        : { ...page, text: '1 failed, 1 passed\n', offset: 9, next_offset: null },
  });
  controller.open(`${PAGE}?tab=tests`);
  await userEvent.click(await screen.findByRole('link', { name: 'Whole log of green suite of shop' }));
  expect((await screen.findByRole('region', { name: 'Log' })).textContent).toBe('$ pytest\n1 failed, 1 passed\n');
  const failed = screen.getByRole('region', { name: 'What failed' });
  expect(within(failed).getAllByText('assert 1 == 2')).toHaveLength(1);
  expect(failed.compareDocumentPosition(screen.getByRole('region', { name: 'Log' }))).toBe(Node.DOCUMENT_POSITION_FOLLOWING);
  expect(screen.getByRole('link', { name: 'Download the log' }).getAttribute('href')).toBe(`${HERE}/tests/run-1/log.txt`);
  await userEvent.click(screen.getByRole('link', { name: 'All test runs' }));
  expect(await screen.findByRole('group', { name: 'Test runs' })).toBeDefined();
});

test('a log that was not stored says why, beside the end that is known', async () => {
  controllerWith(detail(), {
    [`GET ${HERE}/tests`]: () => ({ attempt: 1, items: [] }),
    [`GET ${HERE}/tests/run-1/log`]: () => ({
      run_id: 'run-1', text: '1 failed\n', offset: 0, next_offset: null, size_bytes: 9, whole: false, cut: false,
      note: 'The whole log of this run was never stored.',
    }),
  }).open(`${PAGE}?tab=tests&run=run-1`);
  expect((await screen.findByRole('note')).textContent).toContain('never stored');
  expect(screen.getByRole('region', { name: 'Log' }).textContent).toBe('1 failed\n');
});

async function comment(place: string, text: string) {
  await userEvent.click(await screen.findByRole('button', { name: `Comment on ${place}` }));
  await userEvent.type(screen.getByRole('textbox', { name: `Comment on ${place}` }), text);
  await userEvent.click(screen.getByRole('button', { name: 'Keep' }));
}
