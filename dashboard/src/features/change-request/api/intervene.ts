import { useMutation, useQueryClient } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

type Request = Schemas['InterventionRequest'];
export type Intervention = Pick<Request, 'action'> & Partial<Request>;

export function useIntervene(id: string) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (said: Intervention) => {
      const body: Request = { instructions: '', ...said };
      return unwrap(api.POST('/api/v1/change-requests/{cr_id}/interventions', { params: { path: { cr_id: id } }, body }));
    },
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.detail(id) }),
  });
}
