import { cleanup, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test } from 'vitest';

import type { Schemas } from '@/lib/api';
import { FakeController } from '@/testing/fake-controller';

afterEach(() => {
  cleanup();
  sessionStorage.clear();
  localStorage.clear();
});

const NAME = 'shop';
const CHECK = `/api/v1/repositories/${NAME}/check`;

const listed = (check: Schemas['SurveyState'], verdict: Schemas['SuiteVerdict'] | null) => ({
  items: [{ name: NAME, remote: '/srv/shop', base_branch: 'main', test_command: null, behaviour_path: null, merge_strategy: 'merge', check, verdict }],
});
const stands = (state: Schemas['SurveyState'], more: Partial<Schemas['SurveyView']> = {}) => ({ repository: NAME, state, message: '', ...more });

test('a repository that was never checked says what a check does, and is checked by a key', async () => {
  const controller = new FakeController({
    'GET /api/v1/repositories': () => listed('never', null),
    [`GET ${CHECK}`]: () => stands('never'),
    [`POST ${CHECK}`]: () => ({ repository: listed('never', null).items[0], base_commit: 'b', stack: '', test_command: '', warnings: [], check: stands('running') }),
  });
  controller.open(`/repositories/${NAME}`);
  expect(await screen.findByText('It was not checked yet.')).toBeDefined();
  expect(screen.getByRole('button', { name: 'Check it' })).toBeDefined();
  await userEvent.keyboard('c');
  expect(controller.asked.some((one) => one.method === 'POST' && one.path === CHECK)).toBe(true);
});

test('a check that was interrupted says so, and what was found before it stays', async () => {
  const found = { base_branch: 'main', base_commit: 'c'.repeat(40), components: [], remarks: [{ kind: 'sign_off', message: 'It asks for signed-off commits.', remedy: 'Set it.' }], starting_file: '', isolation: '', took_s: 3, verdict: 'clean' };
  new FakeController({
    'GET /api/v1/repositories': () => listed('interrupted', 'clean'),
    [`GET ${CHECK}`]: () => stands('interrupted', { found: found as Schemas['RepositorySurvey'] }),
  }).open(`/repositories/${NAME}`);
  expect(await screen.findByText('The last check was interrupted')).toBeDefined();
  expect(screen.getByText('Check again', { selector: 'button' })).toBeDefined();
  expect(within(screen.getByRole('region', { name: 'Good to know' })).getByText('Set it.')).toBeDefined();
});
