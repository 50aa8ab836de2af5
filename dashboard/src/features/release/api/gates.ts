import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Gate = Schemas['GateView'];
export type Decision = Schemas['DecisionRequest'];

export function useGatesOf(id: string, status: Gate['status']) {
  const api = useApi();
  return useQuery({
    queryKey: [...keys.gates(id), status],
    queryFn: async () => (await unwrap(api.GET('/api/v1/gates', { params: { query: { cr_id: id, status } } }))).items,
  });
}

export function useDecide(gate: Gate) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: Decision) => unwrap(api.POST('/api/v1/gates/{gate_id}/decision', { params: { path: { gate_id: gate.id } }, body })),
    onSettled: async () => {
      await cache.invalidateQueries({ queryKey: keys.changeRequest(gate.cr_id) });
      await cache.invalidateQueries({ queryKey: keys.board });
    },
  });
}
