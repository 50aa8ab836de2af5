import { useInfiniteQuery, useQuery } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

const at = (id: string) => ({ params: { path: { cr_id: id } } });

export function useSpec(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'spec'),
    queryFn: async () => (await unwrap(api.GET('/api/v1/change-requests/{cr_id}/spec', at(id)))).items,
  });
}

export function useDiff(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'diff'),
    queryFn: async () => (await unwrap(api.GET('/api/v1/change-requests/{cr_id}/diff', at(id)))).items,
  });
}

export function useTests(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'tests'),
    queryFn: () => unwrap(api.GET('/api/v1/change-requests/{cr_id}/tests', at(id))),
  });
}

export function useFindings(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'findings'),
    queryFn: () => unwrap(api.GET('/api/v1/change-requests/{cr_id}/findings', at(id))),
  });
}

export function useCost(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'cost'),
    queryFn: () => unwrap(api.GET('/api/v1/change-requests/{cr_id}/cost', at(id))),
  });
}

/** Keys by which this installation signs evidence, the current one first. */
export function useSigners() {
  const api = useApi();
  return useQuery({ queryKey: keys.signers, queryFn: async () => (await unwrap(api.GET('/api/v1/signers'))).items });
}

export type Conversation = Schemas['ConversationView'];
export type Entry = Schemas['EntryView'];

export type ConversationOf = Partial<Pick<Conversation, 'attempt' | 'activation' | 'role' | 'instance'>>;

const ENTRIES = 100;

export function useConversation(id: string, of: ConversationOf) {
  const api = useApi();
  return useInfiniteQuery({
    queryKey: [...keys.view(id, 'conversation'), of],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => {
      const query = { ...of, limit: ENTRIES, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return unwrap(api.GET('/api/v1/change-requests/{cr_id}/conversation', { params: { path: { cr_id: id }, query } }));
    },
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (before) => before,
  });
}
