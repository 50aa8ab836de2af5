import type { Course, StoredEvent } from '@/lib/history';

type Event = StoredEvent['payload'];

/** What goes on in one repository, folded from the course of events. */
export interface Live {
  repository: string;
  stage: Event['stage'];
  role: string | null;
  instance: string | null;
  round: number;
  turn: number;
  doing: string;
  working: boolean;
  tests: { passed: number; failed: number; skipped: number; ok: boolean; purpose: string } | null;
  calls: number;
}

/** One panel per repository, in the order of the given names. */
export function liveOf({ events, calls }: Course, repositories: readonly string[]): Live[] {
  const panels = new Map(repositories.map((name) => [name, blank(name, calls[name] ?? 0)]));
  for (const { payload } of events) {
    const panel = payload.repository === null || payload.repository === undefined ? undefined : panels.get(payload.repository);
    if (panel) fold(panel, payload);
    // What no repository is named for happens to all of them, such as the joint stages.
    else if (payload.type === 'stage_entered') for (const each of panels.values()) fold(each, payload);
  }
  return [...panels.values()];
}

function fold(panel: Live, event: Event): void {
  switch (event.type) {
    case 'stage_entered':
      Object.assign(panel, { stage: event.stage ?? null, round: event.round, role: null, instance: null, turn: 0, doing: '', working: true });
      break;
    case 'stage_completed':
      Object.assign(panel, { doing: event.summary, working: false });
      break;
    case 'agent_started':
      Object.assign(panel, { role: event.role ?? null, instance: event.instance, turn: event.resumed_at_turn, doing: 'started', working: true });
      break;
    case 'agent_turn':
      Object.assign(panel, { turn: event.turn, role: event.role ?? panel.role, doing: event.text || panel.doing, working: true });
      break;
    case 'tool_called':
      Object.assign(panel, { turn: event.turn, role: event.role ?? panel.role, doing: event.summary, working: true });
      break;
    case 'agent_completed':
      Object.assign(panel, { doing: 'handed in its result', working: false });
      break;
    case 'tests_run':
      panel.tests = { passed: event.passed, failed: event.failed, skipped: event.skipped, ok: event.ok, purpose: event.purpose };
      break;
    default:
      break;
  }
}

function blank(repository: string, calls: number): Live {
  return {
    repository, stage: null, role: null, instance: null, round: 1, turn: 0, doing: '', working: false, tests: null, calls,
  };
}
