import { queryOptions, useQuery } from '@tanstack/react-query';

import { unwrap, useApi, type Api, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Detail = Schemas['ChangeRequestDetail'];

export const changeRequestQuery = (api: Api, id: string) =>
  queryOptions({
    queryKey: keys.detail(id),
    queryFn: () => unwrap(api.GET('/api/v1/change-requests/{cr_id}', { params: { path: { cr_id: id } } })),
  });

export function useChangeRequest(id: string) {
  return useQuery(changeRequestQuery(useApi(), id));
}
