import { queryOptions, useQuery } from '@tanstack/react-query';

import { unwrap, useApi, type Api } from '@/lib/api';
import { inOrder, type StoredEvent } from '@/lib/event-stream';
import { keys } from '@/lib/keys';

/** Everything that happened so far; the event stream adds what happens from now on. */
export const eventsQuery = (api: Api, id: string) =>
  queryOptions({
    queryKey: keys.events(id),
    queryFn: async () => {
      const events: StoredEvent[] = [];
      let after: number | null = 0;
      while (after !== null) {
        const params = { path: { cr_id: id }, query: { after } };
        const page: { items: StoredEvent[]; next_after: number | null } = await unwrap(
          api.GET('/api/v1/change-requests/{cr_id}/events', { params, headers: { Accept: 'application/json' } }),
        );
        events.push(...page.items);
        after = page.next_after;
      }
      return inOrder(events);
    },
  });

export function useEvents(id: string) {
  return useQuery(eventsQuery(useApi(), id));
}
