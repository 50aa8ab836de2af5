import { queryOptions, useMutation, usePrefetchQuery, useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';

import { unwrap, useApi, type Api, type Schemas } from '@/lib/api';
import { arrivals } from '@/lib/event-stream';
import { courseOf, newestOf, withEarlier, type Course, type History } from '@/lib/history';
import { keys } from '@/lib/keys';

/** What a screen and a little scrolling show; also what is simply there without a window. */
export const NEWEST = 400;
const EARLIER = 1000;

type Stage = Schemas['Stage'];

/** What all events come to, in a size that does not grow with them. */
export const courseQuery = (api: Api, id: string) =>
  queryOptions({
    queryKey: keys.course(id),
    queryFn: async (): Promise<Course> => {
      const params = { path: { cr_id: id } };
      const summary = await reaching(() => unwrap(api.GET('/api/v1/change-requests/{cr_id}/events/summary', { params })));
      return courseOf(summary, arrivals.of(id));
    },
  });

/** The newest events, of all stages or one; the event stream adds what happens from now on. */
export const historyQuery = (api: Api, id: string, stage: Stage | null) =>
  queryOptions({
    queryKey: keys.history(id, stage),
    queryFn: async ({ client, queryKey }): Promise<History> => {
      const page = await reaching(() => pageOf(api, id, { limit: NEWEST, ...(stage && { stage }) }));
      const arrived = arrivals.of(id).filter(({ payload }) => stage === null || payload.stage === stage);
      return newestOf(page, arrived, client.getQueryData<History>(queryKey));
    },
  });

const TRIES = 5;

/** Asks until the answer reaches up to where the stream goes on; one that was overtaken by it is asked for again. */
async function reaching<T extends { complete_to?: number | null }>(ask: () => Promise<T>): Promise<T> {
  for (let left = TRIES; left > 0; left -= 1) {
    const answer = await ask();
    if (arrivals.reaches(answer.complete_to ?? 0)) return answer;
  }
  throw new Error('What happened could not be read without a gap.');
}

function pageOf(api: Api, id: string, query: { limit: number; before?: number; stage?: Stage }): Promise<Schemas['EventPage']> {
  return unwrap(api.GET('/api/v1/change-requests/{cr_id}/events/newest', { params: { path: { cr_id: id }, query } }));
}

export const useCourse = (id: string) => useQuery(courseQuery(useApi(), id));

/** Begins to fetch the newest events before anything is there to show them. */
export const useNewest = (id: string) => usePrefetchQuery(historyQuery(useApi(), id, null));

interface Backwards {
  query: UseQueryResult<History>;
  /** Loads the page before what is known; does nothing while one is on its way or none is left. */
  more: () => void;
  loading: boolean;
  failed: Error | null;
}

export function useHistory(id: string, stage: Stage | null): Backwards {
  const api = useApi();
  const cache = useQueryClient();
  const query = useQuery(historyQuery(api, id, stage));
  const before = query.data?.before ?? null;
  const earlier = useMutation({
    mutationFn: (from: number) => pageOf(api, id, { limit: EARLIER, before: from, ...(stage && { stage }) }),
    onSuccess: (page, from) =>
      cache.setQueryData<History>(keys.history(id, stage), (known) => known && withEarlier(known, page, from)),
  });
  const more = () => {
    if (before !== null && !earlier.isPending) earlier.mutate(before);
  };
  return { query, more, loading: earlier.isPending, failed: earlier.error };
}
