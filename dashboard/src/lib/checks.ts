import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Check = Schemas['SurveyView'];

const RUNNING_MS = 1_000;

/** How the newest check of a registered repository stands; looked at every second while it runs. */
export function useCheck(name: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.check(name),
    queryFn: () => unwrap(api.GET('/api/v1/repositories/{name}/check', { params: { path: { name } } })),
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? RUNNING_MS : false),
    enabled: name !== '',
  });
}

/** Has a repository checked. Pressing twice is pressing once: one check runs at a time. */
export function useBeginCheck(name: string) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST('/api/v1/repositories/{name}/check', { params: { path: { name } } })),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.repositories }),
  });
}

/** Stops the check that runs; what an earlier one found stays. */
export function useStopCheck(name: string) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.DELETE('/api/v1/repositories/{name}/check', { params: { path: { name } } })),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.check(name) }),
  });
}
