import { words } from '@/lib/format';
import type { Course, StoredEvent } from '@/lib/history';

type Event = StoredEvent['payload'];

/** One agent that did not hand in yet; reviewers work side by side. */
export interface AtWork {
  name: string;
  role: string;
  turn: number;
  doing: string;
  /** What it asked for and what did not end yet, the next one first. */
  pending: string[];
}

/** What goes on in one repository, folded from the course of events. */
export interface Live {
  repository: string;
  stage: Event['stage'];
  round: number;
  agents: AtWork[];
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
      Object.assign(panel, { stage: event.stage ?? null, round: event.round, agents: [], doing: '', working: true });
      break;
    case 'stage_completed':
      Object.assign(panel, { agents: [], doing: event.summary, working: false });
      break;
    case 'agent_started':
      works(panel, event, { turn: event.resumed_at_turn, doing: 'started', pending: [] });
      break;
    case 'agent_turn': {
      const pending = event.calls;
      works(panel, event, { turn: event.turn, doing: pending[0] ?? event.text, pending });
      break;
    }
    case 'tool_called': {
      const pending = (panel.agents.find((one) => one.name === nameOf(event))?.pending ?? []).slice(1);
      works(panel, event, { turn: event.turn, doing: pending[0] ?? event.summary, pending });
      break;
    }
    case 'agent_completed':
      panel.agents = panel.agents.filter((one) => one.name !== nameOf(event));
      panel.doing = `${words(event.role ?? 'the agent')} handed in its result`;
      break;
    case 'tests_run':
      panel.tests = { passed: event.passed, failed: event.failed, skipped: event.skipped, ok: event.ok, purpose: event.purpose };
      break;
    default:
      break;
  }
}

type OfAgent = Extract<Event, { instance: string }>;

const nameOf = (event: OfAgent): string => `${event.role ?? ''}/${event.instance}`;

function works(panel: Live, event: OfAgent, now: Pick<AtWork, 'turn' | 'doing' | 'pending'>): void {
  const agent = { name: nameOf(event), role: event.role ?? 'agent', ...now };
  const at = panel.agents.findIndex((one) => one.name === agent.name);
  panel.agents = at < 0 ? [...panel.agents, agent] : panel.agents.with(at, agent);
  panel.working = true;
}

function blank(repository: string, calls: number): Live {
  return { repository, stage: null, round: 1, agents: [], doing: '', working: false, tests: null, calls };
}
