import { useQuery } from '@tanstack/react-query';

import { unwrap, useApi } from '@/lib/api';
import { keys } from '@/lib/keys';

/** Every move of a base branch under the change, the oldest first. */
export function useRebases(id: string, wanted: boolean) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'rebases'),
    queryFn: async () => (await unwrap(api.GET('/api/v1/change-requests/{cr_id}/rebases', { params: { path: { cr_id: id } } }))).items,
    enabled: wanted,
  });
}
