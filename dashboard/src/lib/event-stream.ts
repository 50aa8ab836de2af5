import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, use, useEffect, useState } from 'react';

import { EVENT_TYPES } from '@/api/events';
import { Arrivals, remember } from '@/lib/arrivals';
import type { Course, History, StoredEvent } from '@/lib/history';
import { keys } from '@/lib/keys';
import { liveText, type Delta } from '@/lib/live-text';

export type StreamState = 'connecting' | 'live' | 'lost';
export type OpenStream = (url: string) => EventSource;

const URL_OF_ALL_EVENTS = '/api/v1/events?deltas=true';
/** The controller says something at least every 15 s. */
const SILENCE_MAX_MS = 50_000;
const REOPEN_AFTER_MS = 3_000;
const REFRESH_AFTER_MS = 150;

const StreamStateContext = createContext<StreamState>('connecting');
export const StreamStateProvider = StreamStateContext.Provider;
export const useStreamState = (): StreamState => use(StreamStateContext);

/**
 * The one live connection of the page. Events go into the query cache; what they make stale is fetched again, at most
 * once per moment. A history goes on from where it was read: what was fetched before the stream began is fetched again
 * unless it reaches up to that number. A connection is resumed from the last number it was complete up to; if an event says that one before it
 * was missed, or nothing is heard for longer than the controller is ever silent, everything on screen is fetched again.
 */
export function useEventStream(open: OpenStream): StreamState {
  const cache = useQueryClient();
  const [state, setState] = useState<StreamState>('connecting');
  useEffect(() => new Following(cache, open, setState).start(), [cache, open]);
  return state;
}

/** The events of the one stream of this page. */
export const arrivals = new Arrivals();

class Following {
  private source: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Everything up to this number was received; undefined before the first word of the stream. */
  private complete: number | undefined;
  private readonly refresh: Refresher;

  constructor(
    private readonly cache: QueryClient,
    private readonly open: OpenStream,
    private readonly onState: (state: StreamState) => void,
  ) {
    this.refresh = refresher(cache);
  }

  start(): () => void {
    arrivals.forget();
    this.connect();
    return () => {
      clearTimeout(this.timer);
      this.refresh.stop();
      this.source?.close();
    };
  }

  private connect(): void {
    const from = this.complete === undefined ? '' : `&after=${String(this.complete)}`;
    const source = this.open(`${URL_OF_ALL_EVENTS}${from}`);
    this.source = source;
    source.onopen = () => {
      this.onState('live');
      this.heard();
      this.lookAgain();
    };
    source.onerror = () => {
      this.onState('lost');
      // The browser reconnects by itself unless the server refused; then we ask again later.
      if (source.readyState === source.CLOSED) this.later(REOPEN_AFTER_MS);
    };
    for (const type of EVENT_TYPES) source.addEventListener(type, this.receive);
    source.addEventListener('position', this.position);
    source.addEventListener('delta', this.delta);
  }

  private readonly receive = (message: MessageEvent<string>) => {
    this.heard();
    const stored = JSON.parse(message.data) as StoredEvent;
    const previous = stored.previous ?? 0;
    const missed = this.complete !== undefined && previous > this.complete;
    if (missed || this.complete === undefined) this.begin(previous);
    this.complete = Math.max(this.complete ?? 0, stored.seq);
    arrivals.add(stored);
    liveText.see(stored);
    if (missed) {
      this.lookAgain();
      return;
    }
    remember(this.cache, stored);
    this.refresh(stored.cr_id);
  };

  private readonly position = (message: MessageEvent<string>) => {
    this.heard();
    const { seq } = JSON.parse(message.data) as { seq: number };
    if (this.complete === undefined) this.begin(seq);
    this.complete = Math.max(this.complete ?? 0, seq);
  };

  private readonly delta = (message: MessageEvent<string>) => {
    this.heard();
    liveText.hear(JSON.parse(message.data) as Delta);
  };

  /** Everything after this number arrives; histories that do not reach up to it are read again. */
  private begin(after: number): void {
    arrivals.begin(after);
    void this.cache.invalidateQueries({
      predicate: ({ queryKey, state }) =>
        queryKey[2] === 'events' && state.data !== undefined && !arrivals.reaches((state.data as Course | History).completeTo),
    });
  }

  /** Fetch what is on screen but histories: what happens arrives by itself. */
  private lookAgain(): void {
    void this.cache.invalidateQueries({ predicate: (query) => query.queryKey[2] !== 'events' });
  }

  private heard(): void {
    this.later(SILENCE_MAX_MS);
  }

  /** Connect anew after a time without any word; a sleeping laptop's connection ends without an error. */
  private later(afterMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.source?.close();
      this.onState('lost');
      this.connect();
    }, afterMs);
  }
}

interface Refresher {
  (id: string): void;
  stop: () => void;
}

function refresher(cache: QueryClient): Refresher {
  const stale = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    timer = undefined;
    void cache.invalidateQueries({ queryKey: keys.board });
    for (const id of stale) {
      void cache.invalidateQueries({
        queryKey: keys.changeRequest(id),
        predicate: (query) => query.queryKey[2] !== 'events',
      });
    }
    stale.clear();
  };
  const refresh = (id: string) => {
    stale.add(id);
    timer ??= setTimeout(flush, REFRESH_AFTER_MS);
  };
  return Object.assign(refresh, { stop: () => clearTimeout(timer) });
}
