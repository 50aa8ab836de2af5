import type { Schemas } from '@/lib/api';
import { words } from '@/lib/format';

type Available = Schemas['AvailableAction'];

export interface Way {
  action: Available['action'];
  mode: Schemas['RerunMode'] | null;
  label: string;
  explanation: string;
  /** The controller lists the most likely way first. */
  first: boolean;
  final: boolean;
  needs: 'text' | 'stage' | 'amount' | null;
}

const LABEL: Partial<Record<Available['action'], string>> = {
  redirect: 'Tell the agents',
  skip: 'Skip the opinions',
  takeover: 'Take over',
  handback: 'Hand back',
  rerun: 'Begin again',
  fail: 'Mark as failed',
  budget: 'Raise the budget',
};

type Reason = Schemas['PauseReason'];

/** What an action means where it answers this question. */
const ANSWER: Partial<Record<Reason, Partial<Record<Available['action'], string>>>> = {
  input_risk: { resume: 'Approve as it is', cancel: 'Reject' },
  source_changed: { adopt: 'Begin again with the new text', resume: 'Continue with the old text' },
};

/** Cleaning up has a form of its own. */
export function mayCleanUp(actions: readonly Available[]): boolean {
  return actions.some((one) => one.action === 'cleanup');
}

/** Turns what the controller allows now into buttons, in its order. An action this page has no words for gets its own name. */
export function buttonsOf(actions: readonly Available[], reason?: Reason): Way[] {
  return actions.filter((one) => !OWN_FORM.has(one.action)).map((one, index) => ({
    action: one.action,
    mode: one.mode ?? null,
    label: (reason && ANSWER[reason]?.[one.action]) ?? (one.mode === 'stage' ? 'Run again' : LABEL[one.action]) ?? capital(words(one.action)),
    explanation: one.explanation,
    first: index === 0,
    final: one.action === 'fail' || one.action === 'cancel',
    needs: needsOf(one),
  }));
}

const OWN_FORM: ReadonlySet<Available['action']> = new Set(['cleanup', 'edit']);

function needsOf(one: Available): Way['needs'] {
  if (one.action === 'redirect') return 'text';
  if (one.action === 'budget') return 'amount';
  return one.mode === 'stage' ? 'stage' : null;
}

function capital(label: string): string {
  return label.charAt(0).toUpperCase() + label.slice(1);
}
