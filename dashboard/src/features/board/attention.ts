import type { Summary } from '@/features/board/api/get-change-requests';
import { WAIT } from '@/lib/vocabulary';

export type Group = 'needs you' | 'ready for a decision' | 'running' | 'waiting' | 'done';

/** What wants a person comes first, whatever state it is in; within a group the latest news comes first. */
const ORDER: readonly Group[] = ['needs you', 'ready for a decision', 'running', 'waiting', 'done'];

export function groupOf(summary: Summary): Group {
  switch (summary.status) {
    case 'paused':
      return 'needs you';
    case 'waiting':
      if (summary.wait_kind === 'gate') return 'ready for a decision';
      return summary.wait_kind !== null && WAIT[summary.wait_kind].person ? 'needs you' : 'waiting';
    case 'running':
    case 'queued':
      return 'running';
    case 'completed':
    case 'failed':
    case 'cancelled':
      return 'done';
  }
}

export function byAttention(summaries: readonly Summary[]): [Group, Summary[]][] {
  const latestFirst = summaries.toSorted((one, other) => other.updated_at.localeCompare(one.updated_at));
  return ORDER.map((group): [Group, Summary[]] => [group, latestFirst.filter((item) => groupOf(item) === group)]).filter(
    ([, items]) => items.length > 0,
  );
}

/** How many change requests go no further without a person. */
export function waitingForPeople(summaries: readonly Summary[]): number {
  return summaries.filter((item) => ['needs you', 'ready for a decision'].includes(groupOf(item))).length;
}

export function matches(summary: Summary, search: string): boolean {
  const text = [summary.id, summary.title, ...summary.repositories].join(' ').toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
