import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Gate = Schemas['GateView'];
export type Paused = Schemas['ChangeRequestSummary'];
export type Effect = Schemas['EffectView'];

const PAUSED_MAX = 200;

export function useGates() {
  const api = useApi();
  return useQuery({
    queryKey: keys.inboxGates,
    queryFn: async () => (await unwrap(api.GET('/api/v1/gates', { params: { query: { status: 'open' } } }))).items,
  });
}

/** Everything that stopped and needs a decision; what waits for a gate is in `useGates`. */
export function usePaused() {
  const api = useApi();
  return useQuery({
    queryKey: keys.inboxPaused,
    queryFn: async () => {
      const query = { attention: 'needs_you' as const, limit: PAUSED_MAX };
      const page = await unwrap(api.GET('/api/v1/change-requests', { params: { query } }));
      return page.items.filter((item) => item.wait_kind !== 'gate' && item.open_gates.length === 0);
    },
  });
}

/** Changes outside that could not be made and that nobody retries but a person. */
export function useDeadEffects() {
  const api = useApi();
  return useQuery({
    queryKey: keys.deadEffects,
    queryFn: async () => (await unwrap(api.GET('/api/v1/effects', { params: { query: { status: 'dead' } } }))).items,
  });
}

export function useSettleEffect() {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ id, how }: { id: string; how: 'retry' | 'dismiss' }) => {
      const params = { path: { effect_id: id } };
      return how === 'retry'
        ? unwrap(api.POST('/api/v1/effects/{effect_id}/retry', { params }))
        : unwrap(api.POST('/api/v1/effects/{effect_id}/dismiss', { params }));
    },
    onSettled: () => cache.invalidateQueries({ queryKey: keys.board }),
  });
}

export function useInboxSize(): number {
  return (useGates().data?.length ?? 0) + (usePaused().data?.length ?? 0) + (useDeadEffects().data?.length ?? 0);
}
