import { expect, test } from 'vitest';

import { LiveText, type Delta } from '@/lib/live-text';
import { event } from '@/testing/samples';

const PLACE = { cr_id: 'cr-7k2m', stage: 'development', repository: 'shop', role: 'code_writer', instance: '1' };
const piece = (turn: number, part: number, text: string, cut = false): Delta => ({ ...PLACE, turn, part, text, cut });
const texts = (live: LiveText) => live.of('cr-7k2m').map((one) => one.text);

test('pieces add up, a further try begins anew, and what was left out shows', () => {
  const live = new LiveText();
  live.hear(piece(1, 0, 'I will '));
  live.hear(piece(1, 1, 'look.'));
  expect(texts(live)).toEqual(['I will look.']);
  live.hear(piece(1, 0, 'Again '));
  live.hear(piece(1, 5, 'later.', true));
  expect(texts(live)).toEqual(['Again  … later.']);
});

test('the event that ends a turn ends its text, also for pieces that come after it', () => {
  const live = new LiveText();
  let told = 0;
  live.subscribe(() => (told += 1));
  live.hear(piece(2, 0, 'Hm '));
  const { repository, role, instance } = PLACE;
  live.see(event(7, { type: 'agent_turn', repository, role, instance, turn: 2, text: 'Hm.', calls: [], cost_usd: '0' }));
  live.hear(piece(2, 1, 'too late'));
  expect(texts(live)).toEqual([]);
  live.hear(piece(3, 0, 'Next '));
  expect(texts(live)).toEqual(['Next ']);
  expect(told).toBe(3);
});

test('a worker that is lost says nothing more, and its successor starts counting anew', () => {
  const live = new LiveText();
  live.hear(piece(4, 0, 'Now '));
  live.see(event(8, { type: 'worker_lost', kind: 'killed', epoch: 1, cause: 'it was killed' }));
  expect(texts(live)).toEqual([]);
  live.hear(piece(1, 0, 'Once more '));
  expect(texts(live)).toEqual(['Once more ']);
});

test('a further round of the same agent is heard from its first turn', () => {
  const live = new LiveText();
  const { repository, role, instance } = PLACE;
  live.see(event(9, { type: 'agent_completed', repository, role, instance, turns: 5, cost_usd: '0' }));
  live.see(event(10, { type: 'agent_started', repository, role, instance, model: 'm', resumed_at_turn: 0 }));
  live.hear(piece(1, 0, 'The finding first. '));
  expect(texts(live)).toEqual(['The finding first. ']);
});
