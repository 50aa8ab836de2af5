import { useQuery } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

type LogPage = Schemas['LogPage'];

/** All pages of a log. The whole text has to be on the page, or the browser's own search would not find it. */
export function useTestLog(id: string, run: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.testLog(id, run),
    queryFn: async ({ signal }) => {
      const pages: LogPage[] = [];
      let offset: number | null = 0;
      while (offset !== null) {
        const params = { path: { cr_id: id, run_id: run }, query: { offset } };
        const page: LogPage = await unwrap(api.GET('/api/v1/change-requests/{cr_id}/tests/{run_id}/log', { params, signal }));
        pages.push(page);
        offset = page.next_offset;
      }
      return pages;
    },
  });
}
