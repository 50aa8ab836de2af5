import type { Filters, Group } from '@/features/board/api/get-change-requests';
import { GROUPS } from '@/features/board/groups';
import { STATUS } from '@/lib/vocabulary';

type Status = NonNullable<Filters['status']>[number];

/** The filters stand in the address, so that a link shows a colleague the same board. */
export function filtersIn(params: URLSearchParams): Filters {
  const [q, repository] = [params.get('q')?.trim() ?? '', params.get('repository') ?? ''];
  const status = params.getAll('status').filter((name): name is Status => name in STATUS);
  return { ...(q && { q }), ...(repository && { repository }), ...(status.length > 0 && { status }) };
}

export function openGroup(params: URLSearchParams): Group | null {
  const asked = params.get('group');
  return GROUPS.find(([group]) => group === asked)?.[0] ?? null;
}

/** The same address with one filter set, or without it when the value is empty. */
export function withFilter(params: URLSearchParams, name: string, value: string): URLSearchParams {
  const next = new URLSearchParams(params);
  if (value === '') next.delete(name);
  else next.set(name, value);
  return next;
}
