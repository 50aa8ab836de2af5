import { expect, test } from 'vitest';

import { Arrivals } from '@/lib/arrivals';
import { courseOf, newestOf, withEarlier, type History } from '@/lib/history';
import { event } from '@/testing/samples';

const stored = (seq: number) => event(seq, { type: 'warned', message: String(seq) });
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => stored(first + index));
const page = (first: number, last: number) => ({ items: range(first, last), next_after: last, next_before: first > 1 ? first : null, complete_to: last });
const numbers = (of: History) => of.events.map((one) => one.seq);

test('a newer page keeps the earlier ones only if nothing lies between', () => {
  const known = withEarlier(newestOf(page(11, 20), []), page(1, 10), 11);
  expect(numbers(known)).toEqual(numbers(newestOf(page(1, 20), [])));
  expect(numbers(newestOf(page(15, 24), [], known))).toEqual(range(1, 24).map((one) => one.seq));
  const apart = newestOf(page(25, 30), [], known);
  expect(numbers(apart)).toEqual([25, 26, 27, 28, 29, 30]);
  expect(apart.before).toBe(25);
});

test('an earlier page that was asked for before the beginning moved is left out', () => {
  const known = newestOf(page(25, 30), []);
  expect(withEarlier(known, page(1, 10), 11)).toBe(known);
});

test('arrivals say from which number on they are whole, also after they forgot some', () => {
  const arrivals = new Arrivals();
  arrivals.begin(5);
  for (const one of range(6, 1_010)) arrivals.add(one);
  expect(arrivals.reaches(5)).toBe(false);
  const [oldest] = arrivals.of('cr-7k2m');
  expect(arrivals.reaches((oldest?.seq ?? 0) - 1)).toBe(true);
});

test('a course does not grow with what agents do', () => {
  const turn = (seq: number) => event(seq, { type: 'agent_turn', repository: 'shop', role: 'code_writer', instance: 'w', turn: seq, text: '', calls: [], cost_usd: '0' });
  const course = courseOf({ complete_to: 1, total: 1, milestones: [turn(1)], tool_calls: {} }, [turn(1), turn(2), turn(3)]);
  expect(course.events.map((one) => one.seq)).toEqual([3]);
  expect(course.total).toBe(3);
});

test('each agent at work is known by its own last turn and its tools since', () => {
  const of = (instance: string) => ({ repository: 'shop', role: 'reviewer', instance });
  const turn = (seq: number, instance: string) => event(seq, { type: 'agent_turn', ...of(instance), turn: seq, text: '', calls: [], cost_usd: '0' });
  const tool = (seq: number, instance: string) =>
    event(seq, { type: 'tool_called', ...of(instance), turn: seq, tool: 'bash', summary: '', ok: true, duration_s: 0 });
  const arrived = [turn(1, 'a'), tool(2, 'a'), turn(3, 'b'), tool(4, 'b'), turn(5, 'a'), tool(6, 'a'), tool(7, 'a')];
  const course = courseOf({ complete_to: 0, total: 0, milestones: [], tool_calls: {} }, arrived);
  expect(course.events.map((one) => one.seq)).toEqual([3, 4, 5, 6, 7]);
  expect(course.calls).toEqual({ shop: 4 });
});
