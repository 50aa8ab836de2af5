import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Stale = Schemas['StaleBranch'];

/** What ended change requests left at remotes. Each look asks the remotes, so nothing refreshes it but time and deeds. */
export function useStaleBranches() {
  const api = useApi();
  return useQuery({
    queryKey: keys.staleBranches,
    queryFn: () => unwrap(api.GET('/api/v1/stale-branches', {})),
    staleTime: 60_000,
  });
}

/** Deletes one by the cleanup of its change request. */
export function useDeleteStale(one: Stale) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/v1/change-requests/{cr_id}/cleanup', {
          params: { path: { cr_id: one.change_request } },
          body: { decisions: [{ artifact: one.artifact.id, choice: 'delete' }], dismiss: false, comment: '' },
        }),
      ),
    onSettled: async () => {
      await cache.invalidateQueries({ queryKey: keys.staleBranches });
      await cache.invalidateQueries({ queryKey: keys.changeRequest(one.change_request) });
    },
  });
}
