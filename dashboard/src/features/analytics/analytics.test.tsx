import { cleanup, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test } from 'vitest';

import type { Analytics } from '@/features/analytics/api/analytics';
import { spendingOf } from '@/features/analytics/series';
import { FakeController } from '@/testing/fake-controller';

afterEach(cleanup);

const DAYS = ['2026-11-19', '2026-11-20'];

function figures(facts: Partial<Analytics> = {}): Analytics {
  const spent = { calls: 4, fresh_tokens: 10, cached_tokens: 90, output_tokens: 5 };
  const perDay = (name: string) => [{ day: '2026-11-20', name, calls: 4, spent_usd: '1.5' }];
  return {
    days: 7, repository: null, median_lead_s: 120,
    throughput: DAYS.map((day, index) => ({ day, submitted: 2, completed: index * 2, failed: 0, cancelled: 0 })),
    stages: [
      { stage: 'development', runs: 4, median_s: 60, p95_s: 180, change_requests: 4, loops: 0, first_pass: 1 },
      { stage: 'review', runs: 4, median_s: 20, p95_s: 30, change_requests: 4, loops: 3, first_pass: 0.5 },
    ],
    by_repository: [{ name: 'shop', spent_usd: '1.5', ...spent }],
    by_role: [{ name: 'code_writer', spent_usd: '1.5', ...spent }],
    by_model: [{ name: 'a-model', spent_usd: '1.5', ...spent }],
    cost_per_day: { repository: perDay('shop'), role: perDay('code_writer'), model: perDay('a-model') },
    ...facts,
  };
}

test('each plot says in a sentence what it tells, and has its figures as a table and as a file', async () => {
  new FakeController({ 'GET /api/v1/analytics': () => figures() }).open('/analytics');
  const sentences: [string, RegExp][] = [
    ['Throughput per day (UTC)', /4 submitted and 2 completed in 2 days, most on 2026-11-20/],
    ['Time per stage', /Development takes longest: 1 min in the middle, 3 min at the 95th percentile/],
    ['First-pass rate per stage', /review sends back most often: 50 %/i],
    ['Loops per stage', /Work was sent back 3 times/],
    ['Cost by role', /\$1\.50 in 2 days, 100 % of it for code writer/],
  ];
  for (const [title, sentence] of sentences) {
    const part = await screen.findByRole('region', { name: title });
    expect(within(part).getByText(sentence)).toBeDefined();
    expect(within(part).getAllByRole('table', { hidden: true }).length).toBeGreaterThan(0);
    expect(within(part).getAllByRole('button', { name: /^CSV/ }).length).toBeGreaterThan(0);
  }
});

test('span and repository stand in the address and in the question', async () => {
  const asked: string[] = [];
  const answer = (query: URLSearchParams) => {
    asked.push(query.toString());
    return figures();
  };
  new FakeController({ 'GET /api/v1/analytics': answer }).open('/analytics?days=90&repository=shop');
  await screen.findByRole('region', { name: 'Time per stage' });
  await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Span' }), '7');
  await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Repository' }), '');
  expect(asked).toEqual(['days=90&repository=shop', 'days=7&repository=shop', 'days=7']);
});

test('a span without anything says so instead of drawing nothing', async () => {
  const nothing = { stages: [], by_repository: [], by_role: [], by_model: [], cost_per_day: { repository: [], role: [], model: [] } };
  new FakeController({ 'GET /api/v1/analytics': () => figures(nothing) }).open('/analytics');
  const part = await screen.findByRole('region', { name: 'Cost by model' });
  expect(part.textContent).toContain('Nothing in this span.');
  expect(within(part).queryByRole('button')).toBeNull();
});

test('the most expensive names stand apart and no money is lost: not in the others, not in weeks', () => {
  const days = Array.from({ length: 100 }, (_, index) => new Date(Date.UTC(2026, 0, 1 + index)).toISOString().slice(0, 10));
  const rows = days.flatMap((day) => ['a', 'b', 'c', ''].map((name, index) => ({ day, name, calls: 1, spent_usd: String(4 - index) })));
  const { names, columns } = spendingOf(rows, days, 3);
  expect(names).toEqual(['a', 'b', '2 others']);
  expect(columns).toHaveLength(15);
  expect(columns.flatMap(({ values }) => values).reduce((all, value) => all + value, 0)).toBe(1_000);
});
