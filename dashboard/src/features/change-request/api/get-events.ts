import { queryOptions, useQuery } from '@tanstack/react-query';

import { unwrap, useApi, type Api, type Schemas } from '@/lib/api';
import { arrived, inOrder, type StoredEvent } from '@/lib/event-stream';
import { keys } from '@/lib/keys';

const PAGE_SIZE = 1000;

/** Everything that happened so far; the event stream adds what happens from now on. */
export const eventsQuery = (api: Api, id: string) =>
  queryOptions({
    queryKey: keys.events(id),
    queryFn: async () => {
      const events: StoredEvent[] = [];
      for (let after = 0, more = true; more; ) {
        const page = await eventsAfter(api, id, after);
        events.push(...page.items);
        after = page.next_after;
        more = page.items.length === PAGE_SIZE;
      }
      return inOrder([...events, ...arrived(id)]);
    },
  });

function eventsAfter(api: Api, id: string, after: number): Promise<Schemas['EventPage']> {
  const params = { path: { cr_id: id }, query: { after, limit: PAGE_SIZE } };
  const asked = api.GET('/api/v1/change-requests/{cr_id}/events', { params, headers: { Accept: 'application/json' } });
  // The same address also streams, so the generated type knows two answers; we ask for the page.
  return unwrap(asked) as Promise<Schemas['EventPage']>;
}

export function useEvents(id: string) {
  return useQuery(eventsQuery(useApi(), id));
}
