import { EVERY_STAGE, type StageFacts } from '@/api/stages';
import type { Schemas } from '@/lib/api';

type Status = Schemas['Status'];
type Stage = Schemas['Stage'];
type WaitKind = Schemas['WaitKind'];

export type Tone = 'calm' | 'active' | 'attention' | 'good' | 'bad' | 'muted';

/** Each status once: its word and its tone. Colour never stands alone. */
export const STATUS: Record<Status, { label: string; tone: Tone }> = {
  queued: { label: 'Queued', tone: 'muted' },
  running: { label: 'Running', tone: 'active' },
  waiting: { label: 'Waiting', tone: 'calm' },
  paused: { label: 'Paused', tone: 'attention' },
  completed: { label: 'Completed', tone: 'good' },
  failed: { label: 'Failed', tone: 'bad' },
  cancelled: { label: 'Cancelled', tone: 'muted' },
};

/** What a repository's suite is good for, as its last check found it. */
export const VERDICT: Record<Schemas['SuiteVerdict'], { label: string; tone: Tone }> = {
  clean: { label: 'Ready', tone: 'good' },
  failing: { label: 'Ready, some tests fail', tone: 'calm' },
  untested: { label: 'No tests yet', tone: 'muted' },
  flaky: { label: 'Flaky', tone: 'attention' },
  partly: { label: 'Ready in parts', tone: 'attention' },
  broken: { label: 'Suite cannot run', tone: 'bad' },
};

/** How a check stands when it is not about what it found. */
export const CHECK: Record<Schemas['SurveyState'], { label: string; tone: Tone }> = {
  never: { label: 'Not checked', tone: 'muted' },
  running: { label: 'Being checked', tone: 'active' },
  done: { label: 'Checked', tone: 'good' },
  cancelled: { label: 'Check stopped', tone: 'muted' },
  interrupted: { label: 'Check interrupted', tone: 'attention' },
  failed: { label: 'Check failed', tone: 'attention' },
};

export const WAIT: Record<WaitKind, { label: string; person: boolean }> = {
  ci: { label: 'Waiting for CI', person: false },
  review: { label: 'Waiting for review', person: false },
  gate: { label: 'Ready for a decision', person: true },
  confirmation: { label: 'Waiting for a confirmation', person: true },
  input: { label: 'Waiting for an answer', person: true },
};

/** The line, in order. */
export const STAGES: readonly StageFacts[] = EVERY_STAGE.filter(({ leadsTo }) => leadsTo === null);

/** Not of every change request; each leads back into the line. */
export const STAGES_BESIDE: readonly StageFacts[] = EVERY_STAGE.filter(({ leadsTo }) => leadsTo !== null);

export function stageLabel(stage: Stage): string {
  return EVERY_STAGE.find((one) => one.stage === stage)?.label ?? stage;
}
