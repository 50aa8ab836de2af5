import { useQuery } from '@tanstack/react-query';

import { moveOf } from '@/features/release/content';
import { unwrap, useApi } from '@/lib/api';
import { keys } from '@/lib/keys';

/** Every move of a base branch under the change, the oldest first. */
export function useRebases(id: string, wanted: boolean) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'rebases'),
    queryFn: async () => {
      const found = await unwrap(api.GET('/api/v1/change-requests/{cr_id}/rebases', { params: { path: { cr_id: id } } }));
      return found.items.map((one) => moveOf(one.repository, { ...one }));
    },
    enabled: wanted,
  });
}
