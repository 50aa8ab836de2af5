import { useQuery } from '@tanstack/react-query';

import { unwrap, useApi } from '@/lib/api';
import { keys } from '@/lib/keys';

/** The registered repositories, by name. */
export function useRepositories() {
  const api = useApi();
  return useQuery({
    queryKey: keys.repositories,
    queryFn: async () => (await unwrap(api.GET('/api/v1/repositories'))).items,
  });
}
