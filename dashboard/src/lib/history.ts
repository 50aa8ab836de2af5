import { MILESTONES } from '@/api/events';
import type { Schemas } from '@/lib/api';

export type StoredEvent = Schemas['EventView'];
type Page = Schemas['EventPage'];
type Summary = Schemas['EventSummary'];

/** What is known of a history: everything from its first event here to `completeTo`, without a hole. */
export interface History {
  events: StoredEvent[];
  /** Earlier ones come before this number; null when there is none. */
  before: number | null;
  completeTo: number;
}

/** What all events come to: those that tell the course, and what each agent did last. */
export interface Course {
  events: StoredEvent[];
  calls: Record<string, number>;
  total: number;
  completeTo: number;
}

const TELLS_THE_COURSE = new Set<string>(MILESTONES);
/** What an agent's next word of each kind makes old: of this agent, or for tests of this repository. */
const REPLACES: Partial<Record<StoredEvent['payload']['type'], readonly string[]>> = {
  agent_started: ['agent_started', 'agent_turn', 'tool_called', 'agent_completed'],
  agent_turn: ['agent_turn', 'tool_called'],
  tool_called: [],
  agent_completed: ['agent_completed'],
  tests_run: ['tests_run'],
};

/** Events by sequence, each once: a page and the stream may overlap. */
export function inOrder(events: StoredEvent[]): StoredEvent[] {
  const bySeq = new Map(events.map((event) => [event.seq, event]));
  return [...bySeq.values()].sort((one, other) => one.seq - other.seq);
}

/** The newest page, what arrived meanwhile, and the earlier pages that were loaded before if the two touch. */
export function newestOf(page: Page, arrived: readonly StoredEvent[], known?: History): History {
  const first = page.items[0];
  const before = page.next_before ?? null;
  const touches = known !== undefined && before !== null && first !== undefined && first.seq <= known.completeTo;
  const earlier = touches ? known.events.filter((event) => event.seq < first.seq) : [];
  const events = inOrder([...earlier, ...page.items, ...arrived]);
  const completeTo = Math.max(page.complete_to ?? 0, events.at(-1)?.seq ?? 0);
  return { events, before: touches ? known.before : before, completeTo };
}

/** One more page at the beginning; one that was asked for before the beginning moved is left out. */
export function withEarlier(known: History, page: Page, before: number): History {
  if (known.before !== before) return known;
  return { ...known, events: inOrder([...page.items, ...known.events]), before: page.next_before ?? null };
}

/** One event more, the next one of the stream. */
export function withNext(known: History, stored: StoredEvent): History {
  const last = known.events.at(-1);
  const repeated = last !== undefined && stored.seq <= last.seq;
  const events = repeated ? inOrder([...known.events, stored]) : [...known.events, stored];
  return { ...known, events, completeTo: Math.max(known.completeTo, stored.seq) };
}

export function courseOf(summary: Summary, arrived: readonly StoredEvent[]): Course {
  const { milestones: events, tool_calls: calls, total, complete_to: completeTo } = summary;
  return arrived.reduce(courseWith, { events, calls, total, completeTo });
}

function whose(payload: StoredEvent['payload']): string {
  return JSON.stringify([payload.repository ?? null, 'instance' in payload ? [payload.role ?? null, payload.instance] : null]);
}

/** The course after one event more; one that it already knows changes nothing. */
export function courseWith(course: Course, stored: StoredEvent): Course {
  if (stored.seq <= course.completeTo) return course;
  const { payload, type } = stored;
  const repository = payload.repository ?? null;
  const next = { ...course, total: course.total + 1, completeTo: stored.seq };
  if (TELLS_THE_COURSE.has(type)) return { ...next, events: [...course.events, stored] };
  const replaced = REPLACES[payload.type];
  if (replaced === undefined) return next;
  const others = course.events.filter((one) => !replaced.includes(one.type) || whose(one.payload) !== whose(payload));
  const counted = type === 'tool_called' && repository !== null;
  const calls = counted ? { ...course.calls, [repository]: (course.calls[repository] ?? 0) + 1 } : course.calls;
  return { ...next, events: [...others, stored], calls };
}
