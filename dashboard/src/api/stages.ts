// Written by `make docs` from the stages' declarations; a test compares them.
import type { components } from '@/api/schema';

export interface StageFacts {
  readonly stage: components['schemas']['Stage'];
  readonly label: string;
  /** What it does, without a subject. */
  readonly explanation: string;
  /** Beside the line: only work that a person hands back passes it, before this stage and those after it. */
  readonly leadsTo: components['schemas']['Stage'] | null;
}

/** Every stage there is: the line in order, then what stands beside it. */
export const EVERY_STAGE: readonly StageFacts[] = [
  { stage: "intake", label: "Intake", explanation: "turns the request into a summary and acceptance criteria", leadsTo: null },
  { stage: "screening", label: "Screening", explanation: "looks for instructions hidden in the request", leadsTo: null },
  { stage: "repository_identification", label: "Repositories", explanation: "settles which repositories change", leadsTo: null },
  { stage: "workspaces", label: "Workspaces", explanation: "prepares cache, base commit, dependency environment, stack and test command, and runs the base's suite", leadsTo: null },
  { stage: "translation", label: "Behaviour translation", explanation: "turns criteria into scenarios, each tagged change or preserve", leadsTo: null },
  { stage: "verification", label: "Behaviour verification", explanation: "checks that the specs are complete, consistent and break nothing existing by intent", leadsTo: null },
  { stage: "development", label: "Development", explanation: "writes tests and proves them red, then code and proves it green", leadsTo: null },
  { stage: "review", label: "Code review", explanation: "checks diff scope and secrets, then asks three reviewers; who could not look has given no verdict", leadsTo: null },
  { stage: "rebase", label: "Rebase", explanation: "replays the change onto the target as it is now and runs the full suite again", leadsTo: null },
  { stage: "delivery", label: "Delivery", explanation: "pushes the branch and keeps the pull request", leadsTo: null },
  { stage: "release_gate", label: "Release gate", explanation: "has a person decide on exactly what is shown", leadsTo: null },
  { stage: "merge_check", label: "Merge check", explanation: "asks whether the target is still what was tested", leadsTo: null },
  { stage: "release", label: "Release", explanation: "moves the target ref by one compare-and-swap", leadsTo: null },
  { stage: "retrospective", label: "Retrospective", explanation: "proposes learnings, which count only after approval", leadsTo: null },
  { stage: "cleanup", label: "Cleanup", explanation: "signs the evidence; worktrees and refs go", leadsTo: null },
  { stage: "sync", label: "Sync", explanation: "learns what a person did on the branch, and has the spec brought in line, before agents go on", leadsTo: "translation" },
];
