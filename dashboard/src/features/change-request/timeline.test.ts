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
