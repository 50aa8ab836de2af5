import { useMutation, useQueryClient } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Intervention = Schemas['InterventionRequest'];

export function useIntervene(id: string) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: Intervention) =>
      unwrap(api.POST('/api/v1/change-requests/{cr_id}/interventions', { params: { path: { cr_id: id } }, body })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.detail(id) }),
  });
}
