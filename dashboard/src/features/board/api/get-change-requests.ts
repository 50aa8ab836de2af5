import { queryOptions, useQuery } from '@tanstack/react-query';

import { unwrap, useApi, type Api, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Summary = Schemas['ChangeRequestSummary'];

const PAGE_SIZE = 200;

export const changeRequestsQuery = (api: Api) =>
  queryOptions({
    queryKey: keys.board,
    queryFn: async () => {
      const query = { limit: PAGE_SIZE };
      const page = await unwrap(api.GET('/api/v1/change-requests', { params: { query } }));
      return page.items;
    },
  });

export function useChangeRequests() {
  return useQuery(changeRequestsQuery(useApi()));
}
