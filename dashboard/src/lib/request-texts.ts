import { useQuery } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type RequestText = Schemas['RequestTextView'];

/** Every text that the request has had, the oldest first. */
export function useRequestTexts(id: string, wanted = true) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'request'),
    queryFn: () => unwrap(api.GET('/api/v1/change-requests/{cr_id}/request', { params: { path: { cr_id: id } } })),
    enabled: wanted,
  });
}
