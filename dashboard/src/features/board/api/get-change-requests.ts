import { useInfiniteQuery, useQuery } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Summary = Schemas['ChangeRequestSummary'];
export type Group = Schemas['Attention'];
export type Counts = Schemas['AttentionCounts'];

export interface Filters {
  q?: string;
  repository?: string;
  status?: Schemas['Status'][];
}

const PAGE_SIZE = 100;

export function useGroup(group: Group, filters: Filters) {
  const api = useApi();
  return useInfiniteQuery({
    queryKey: keys.boardGroup(group, filters),
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => {
      const query = { ...filters, attention: group, limit: PAGE_SIZE, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return unwrap(api.GET('/api/v1/change-requests', { params: { query } }));
    },
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (before) => before,
  });
}

export function useCounts(filters: Filters) {
  const api = useApi();
  return useQuery({
    queryKey: keys.counts(filters),
    queryFn: () => unwrap(api.GET('/api/v1/attention', { params: { query: filters } })),
    placeholderData: (before) => before,
  });
}
