import { QueryClient } from '@tanstack/react-query';

import { Refusal } from '@/lib/api';

/** The event stream says when something changed, so nothing is asked for on a timer or on focus. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: Infinity,
        refetchOnWindowFocus: false,
        retry: (failures, error) => error instanceof Refusal && error.offline && failures < 2,
      },
    },
  });
}
