import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Gate = Schemas['GateView'];
export type Decision = Omit<Schemas['DecisionRequest'], 'answer'>;

export function useOpenGates(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.gates(id),
    queryFn: async () => {
      const query = { cr_id: id, status: 'open' as const };
      return (await unwrap(api.GET('/api/v1/gates', { params: { query } }))).items;
    },
  });
}

export function useDecide(gate: Gate) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (decision: Decision) => {
      const body = { ...decision, answer: {} };
      return unwrap(api.POST('/api/v1/gates/{gate_id}/decision', { params: { path: { gate_id: gate.id } }, body }));
    },
    onSettled: () => cache.invalidateQueries({ queryKey: keys.changeRequest(gate.cr_id) }),
  });
}
