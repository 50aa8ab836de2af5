import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Submission = Schemas['Submission'];

/** The key is made once per filled form, so that a second press or a lost answer submits nothing twice. */
export function useSubmit(key: string) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: Submission) =>
      unwrap(api.POST('/api/v1/change-requests', { body, params: { header: { 'idempotency-key': key } } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.board }),
  });
}

export function useEarlier(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.detail(id),
    queryFn: () => unwrap(api.GET('/api/v1/change-requests/{cr_id}', { params: { path: { cr_id: id } } })),
    enabled: id !== '',
  });
}

export function useRules() {
  const api = useApi();
  return useQuery({
    queryKey: keys.settings,
    queryFn: async () => (await unwrap(api.GET('/api/v1/settings'))).items,
  });
}
