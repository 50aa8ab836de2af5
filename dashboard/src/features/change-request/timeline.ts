import type { StageFacts } from '@/api/stages';
import type { Schemas } from '@/lib/api';
import type { StoredEvent } from '@/lib/history';
import { STAGES, STAGES_BESIDE } from '@/lib/vocabulary';

type Stage = Schemas['Stage'];

export type StageState = 'ahead' | 'active' | 'done' | 'stopped';

/** One way back: why, whereto, and which of how many. */
export interface Loop {
  why: string;
  to: Stage;
  number: number;
  max: number;
}

export interface StageOnTimeline {
  stage: Stage;
  label: string;
  explanation: string;
  state: StageState;
  rounds: number;
  /** Time spent in finished rounds; of parallel repositories the longest counts. */
  seconds: number;
  /** When the round in progress began; null when none is. */
  since: string | null;
  summary: string;
  loops: Loop[];
  /** Rounds that the limits allow; null while no loop told. */
  roundsMax: number | null;
}

interface Standing {
  status: Schemas['Status'];
  stage: Stage | null;
}

/** Folds the events of one change request into the line, with how often and how long each stage ran. */
export function timelineOf(events: readonly StoredEvent[], now: Standing): StageOnTimeline[] {
  const line = stagesPassed(events).map(blank);
  const byStage = new Map(line.map((entry) => [entry.stage, entry]));
  for (const stored of events) {
    const entry = stored.payload.stage && byStage.get(stored.payload.stage);
    if (entry) fold(entry, stored);
  }
  const finished = now.status === 'completed';
  const current = finished ? null : currentOf(events, now);
  for (const entry of line) {
    if (entry.stage === current) entry.state = now.status === 'paused' ? 'stopped' : 'active';
    else if (entry.rounds > 0) entry.state = 'done';
    if (entry.stage !== current || now.status !== 'running') entry.since = null;
  }
  return line;
}

/** Events come before the details that are read because of them: while it runs, the stage entered last is where it is. */
function currentOf(events: readonly StoredEvent[], now: Standing): Stage | null {
  const entered = now.status === 'running' ? events.findLast(({ type }) => type === 'stage_entered') : undefined;
  return entered?.payload.stage ?? now.stage;
}

function fold(entry: StageOnTimeline, { payload: event, at }: StoredEvent): void {
  switch (event.type) {
    case 'stage_entered':
      entry.rounds = Math.max(entry.rounds, event.round);
      entry.since = at;
      break;
    case 'stage_completed':
      entry.seconds += event.duration_s;
      entry.since = null;
      entry.summary = event.summary;
      break;
    case 'stage_looped':
      entry.loops.push({ why: event.why, to: event.back_to, number: event.loop, max: event.loops_max });
      entry.roundsMax = event.loops_max + 1;
      break;
    default:
      break;
  }
}

/** The line, and what stands beside it where it was entered: before the stages that it leads to. */
function stagesPassed(events: readonly StoredEvent[]): StageFacts[] {
  const entered = new Set(events.map(({ payload }) => (payload.type === 'stage_entered' ? payload.stage : null)));
  const beside = STAGES_BESIDE.filter(({ stage }) => entered.has(stage));
  return STAGES.flatMap((one) => [...beside.filter(({ leadsTo }) => leadsTo === one.stage), one]);
}

function blank({ stage, label, explanation }: StageFacts): StageOnTimeline {
  return { stage, label, explanation, state: 'ahead', rounds: 0, seconds: 0, since: null, summary: '', loops: [], roundsMax: null };
}
