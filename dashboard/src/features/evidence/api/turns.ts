import { useQuery } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Editing = Schemas['EditingConversationView'];

/** A turn by the snapshot it ended at; since `conversation`, everything its conversation changed up to there. */
export interface Chosen {
  commit: string;
  since: Schemas['Since'];
}

export function useTurns(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'turns'),
    queryFn: async () => (await unwrap(api.GET('/api/v1/change-requests/{cr_id}/turns', { params: { path: { cr_id: id } } }))).items,
  });
}

/** What a turn changed never changes again, so no event makes it stale. */
export function useTurnDiff(id: string, { commit, since }: Chosen) {
  const api = useApi();
  return useQuery({
    queryKey: keys.turnDiff(id, commit, since),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/change-requests/{cr_id}/turns/{commit}/diff', {
          params: { path: { cr_id: id, commit }, query: { since } },
        }),
      ),
  });
}
