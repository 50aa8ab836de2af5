import { expect, test } from 'vitest';

import { timelineOf } from '@/features/change-request/timeline';
import { event } from '@/testing/samples';

test('a stage that was just entered is the one at work, before the details say so', () => {
  const events = [
    event(1, { type: 'stage_entered', stage: 'translation', round: 1 }),
    event(2, { type: 'stage_completed', stage: 'translation', outcome: 'done', duration_s: 2, summary: '7 scenarios' }),
    event(3, { type: 'stage_entered', stage: 'verification', round: 1 }),
  ];
  const states = (status: 'running' | 'paused') =>
    Object.fromEntries(timelineOf(events, { status, stage: 'translation' }).map(({ stage, state }) => [stage, state]));
  expect(states('running')).toMatchObject({ translation: 'done', verification: 'active', development: 'ahead' });
  expect(states('paused')).toMatchObject({ translation: 'stopped' });
});

test('what a person handed back is on the timeline where it was looked at, and nowhere else', () => {
  const handedBack = event(1, { type: 'stage_entered', stage: 'sync', round: 1 });
  const names = (events: (typeof handedBack)[]) => timelineOf(events, { status: 'running', stage: 'sync' }).map(({ stage }) => stage);
  expect(names([])).not.toContain('sync');
  const shown = names([handedBack]);
  expect(shown.slice(shown.indexOf('sync') - 1, shown.indexOf('sync') + 2)).toEqual(['workspaces', 'sync', 'translation']);
});
