import { useQuery } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Analytics = Schemas['Analytics'];

export function useAnalytics(days: number) {
  const api = useApi();
  return useQuery({
    queryKey: keys.analytics(days),
    queryFn: () => unwrap(api.GET('/api/v1/analytics', { params: { query: { days } } })),
    staleTime: 30_000,
    refetchOnMount: true,
  });
}
