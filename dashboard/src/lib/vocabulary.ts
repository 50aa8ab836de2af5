import { EVERY_STAGE, type StageFacts } from '@/api/stages';
import type { Schemas } from '@/lib/api';

type Status = Schemas['Status'];
type Stage = Schemas['Stage'];
type PauseReason = Schemas['PauseReason'];
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

/** Why it stopped, and what gets it going again, in words for the person who decides. */
export const PAUSE: Record<PauseReason, { title: string; next: string }> = {
  input_risk: { title: 'The request looks risky', next: 'Read the flagged passages. Approve the text if they are harmless, edit it, or reject it.' },
  repositories_unknown: { title: 'No repository could be identified', next: 'Name the repository in your instructions and resume.' },
  spec_loop: { title: 'The specification does not settle', next: 'Say what the specification gets wrong and resume.' },
  spec_approval: { title: 'The specification waits for approval', next: 'Read the spec and decide.' },
  red_witness: { title: 'The new tests do not fail on the old code', next: 'Say what a failing test should show and resume.' },
  development_loop: { title: 'Development did not converge', next: 'Give a hint and resume, or restart from an earlier stage.' },
  identical_failures: { title: 'The same tests keep failing', next: 'Look at the failures, give a hint and resume.' },
  tests_failed: { title: 'The suite fails', next: 'Look at the failures, give a hint and resume.' },
  tampering: { title: 'Protected tests were changed', next: 'Look at the diff before you let it go on.' },
  review_loop: { title: 'Reviewers keep objecting', next: 'Read the findings; resume with your ruling on them.' },
  secret_found: { title: 'A secret stands in the change', next: 'Have it removed before anything is delivered.' },
  diff_scope: { title: 'The change reaches outside its scope', next: 'Look at the diff; resume if it is right, send it back otherwise.' },
  rebase_conflict: { title: 'The target branch moved and conflicts', next: 'Resolve it by hand or say how, then resume.' },
  target_checkout_dirty: { title: 'The target branch is checked out with changes', next: 'Commit or stash them there, then resume.' },
  delivery_failed: { title: 'Delivery failed', next: 'Repair the remote, then resume.' },
  ci_failed: { title: 'CI failed', next: 'Look at its log, then resume.' },
  ci_timeout: { title: 'CI did not answer in time', next: 'Look whether it runs, then resume.' },
  review_timeout: { title: 'Nobody reviewed in time', next: 'Find a reviewer, then resume.' },
  source_changed: { title: 'The request itself changed', next: 'Begin again with the new text, continue with the old one, or cancel.' },
  budget: { title: 'The budget is used up', next: 'Raise the budget and resume, or cancel.' },
  agent_timeout: { title: 'An agent took too long', next: 'Resume to try again, or give a hint.' },
  total_time: { title: 'The time for this change is used up', next: 'Raise the limit and resume, or cancel.' },
  providers_down: { title: 'No model answers', next: 'Check the provider and its key, then resume.' },
  sandbox_unavailable: { title: 'Tools cannot work here', next: 'Do what the details say: something keeps tools from starting, or from reading the tree. Then resume.' },
  environment_failed: { title: 'The dependencies could not be installed', next: 'Read the log, repair the manifest, then resume.' },
  remote_unreachable: { title: 'The repository cannot be reached', next: 'Check the remote, then resume.' },
  machine_short: { title: 'The machine ran out of room', next: 'Free disk or memory as the message says, then resume.' },
  attempts_exhausted: { title: 'All attempts are used up', next: 'Rerun from a stage, or cancel.' },
  graph_changed: { title: 'Changeline was upgraded under it', next: 'Rerun from the stage it had reached.' },
  human_pause: { title: 'Paused by a person', next: 'Resume when you are ready.' },
  aborted: { title: 'Aborted by a person', next: 'Resume, rerun from a stage, or cancel.' },
  handed_over: { title: 'A person has taken over', next: 'Hand it back when your commits are pushed.' },
  handback_refused: { title: 'What was handed back cannot be taken', next: 'Put the branch right, push it, and hand it back again.' },
  request_unclear: { title: 'The request is not clear enough', next: 'Say what is meant and resume, or cancel and submit it anew.' },
  agent_stuck: { title: 'An agent makes no progress', next: 'Give a hint and resume, or run the stage again.' },
  model_refused: { title: 'The model declined the work', next: 'Reword the request or choose another model, then resume.' },
  internal_error: { title: 'Changeline itself failed', next: 'Keep the message for a report; resume to try again.' },
};
