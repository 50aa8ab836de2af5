import type { Counts, Group } from '@/features/board/api/get-change-requests';

/** What wants a person comes first, whatever state it is in. */
export const GROUPS: readonly (readonly [Group, string])[] = [
  ['needs_you', 'Needs you'],
  ['running', 'Running'],
  ['waiting', 'Waiting'],
  ['ready', 'Ready to release'],
  ['done', 'Done'],
];

/** How many change requests go no further without a person. */
export function waitingForPeople(counts: Counts): number {
  return counts.needs_you + counts.ready;
}

export function totalOf(counts: Counts): number {
  return GROUPS.reduce((sum, [group]) => sum + counts[group], 0);
}
