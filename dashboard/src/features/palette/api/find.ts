import { useQuery } from '@tanstack/react-query';

import { unwrap, useApi } from '@/lib/api';
import { keys } from '@/lib/keys';

/** Change requests whose title holds the words; nothing is asked for less than two letters. */
export function useFound(words: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.found(words),
    queryFn: async () => (await unwrap(api.GET('/api/v1/change-requests', { params: { query: { q: words, limit: 8 } } }))).items,
    enabled: words.length > 1,
    placeholderData: (before) => before,
  });
}
