import type { Schemas } from '@/lib/api';

type Available = Schemas['AvailableAction'];

export interface Way {
  action: Available['action'];
  mode: Schemas['RerunMode'] | null;
  label: string;
  explanation: string;
  /** The controller lists the most likely way first. */
  first: boolean;
  final: boolean;
  needsText: boolean;
}

const LABEL: Record<Available['action'], string> = {
  pause: 'Pause',
  resume: 'Resume',
  redirect: 'Tell the agents',
  skip: 'Skip the opinions',
  abort: 'Abort',
  takeover: 'Take over',
  handback: 'Hand back',
  rerun: 'Begin again',
  fail: 'Mark as failed',
  cancel: 'Cancel',
  budget: 'Raise the budget',
  cleanup: 'Clean up',
};

/** Ways that need more than a press have a form of their own, which this page does not have yet. */
const ELSEWHERE = new Set<Available['action']>(['budget', 'cleanup']);

/** Turns what the controller allows now into buttons, in its order. */
export function buttonsOf(actions: readonly Available[]): Way[] {
  return actions
    .filter((one) => !ELSEWHERE.has(one.action))
    .map((one, index) => ({
      action: one.action,
      mode: one.mode ?? null,
      label: one.mode === 'stage' ? 'Run again' : LABEL[one.action],
      explanation: one.explanation,
      first: index === 0,
      final: one.action === 'fail' || one.action === 'cancel',
      needsText: one.action === 'redirect',
    }));
}
