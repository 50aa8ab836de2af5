import type { QueryClient } from '@tanstack/react-query';

import { courseWith, withNext, type Course, type History, type StoredEvent } from '@/lib/history';
import { keys } from '@/lib/keys';

const KEPT = 500;

/**
 * What the stream brought lately. A page that is fetched while events arrive is complete with them, as long as it reaches up
 * to the number from which on all of them are kept here; otherwise it has a hole and is fetched again.
 */
export class Arrivals {
  private kept: StoredEvent[] = [];
  private since = 0;

  /** A new stream: nothing is known of where it begins. */
  forget(): void {
    this.since = 0;
    this.kept = [];
  }

  of(id: string): StoredEvent[] {
    return this.kept.filter((one) => one.cr_id === id);
  }

  /** Whether a page that is complete up to this number goes on in what is kept, without a hole. */
  reaches(completeTo: number): boolean {
    return completeTo >= this.since;
  }

  /** The stream begins after this number, or begins anew after it missed something. */
  begin(after: number): void {
    this.since = after;
    this.kept = this.kept.filter((one) => one.seq > after);
  }

  add(stored: StoredEvent): void {
    this.kept.push(stored);
    if (this.kept.length <= 2 * KEPT) return;
    this.since = this.kept[KEPT - 1]?.seq ?? this.since;
    this.kept.splice(0, KEPT);
  }
}

/** Puts an event into every history and course that it belongs to. */
export function remember(cache: QueryClient, stored: StoredEvent): void {
  cache.setQueryData<Course>(keys.course(stored.cr_id), (known) => known && courseWith(known, stored));
  for (const [key] of cache.getQueriesData<History>({ queryKey: keys.histories(stored.cr_id) })) {
    const stage = key[4];
    if (stage !== null && stage !== stored.payload.stage) continue;
    cache.setQueryData<History>(key, (known) => known && withNext(known, stored));
  }
}
