import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Artifact = Schemas['CleanupArtifact'];
export type Choice = Schemas['CleanupChoice'];

export function useCleanup(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'cleanup'),
    queryFn: () => unwrap(api.GET('/api/v1/change-requests/{cr_id}/cleanup', { params: { path: { cr_id: id } } })),
  });
}

export function useCleanUp(id: string) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas['CleanupRequest']) =>
      unwrap(api.POST('/api/v1/change-requests/{cr_id}/cleanup', { params: { path: { cr_id: id } }, body })),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.changeRequest(id) }),
  });
}
