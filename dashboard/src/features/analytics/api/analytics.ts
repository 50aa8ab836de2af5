import { keepPreviousData, useQuery } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Analytics = Schemas['Analytics'];

/** The figures of the last days; of one repository unless its name is empty. */
export function useAnalytics(days: number, repository: string) {
  const api = useApi();
  const query = { days, ...(repository !== '' && { repository }) };
  return useQuery({
    queryKey: keys.analytics(days, repository),
    queryFn: () => unwrap(api.GET('/api/v1/analytics', { params: { query } })),
    staleTime: 30_000,
    refetchOnMount: true,
    placeholderData: keepPreviousData,
  });
}
