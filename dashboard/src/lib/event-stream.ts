import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, use, useEffect, useState } from 'react';

import type { Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type StoredEvent = Schemas['EventView'];
export type StreamState = 'connecting' | 'live' | 'lost';
export type OpenStream = (url: string) => EventSource;

/** The stream names each event's type; a browser hands over only the types that somebody listens for. */
const EVENT_TYPES = Object.keys({
  status_changed: true,
  worker_started: true,
  worker_lost: true,
  stage_entered: true,
  stage_completed: true,
  stage_looped: true,
  agent_started: true,
  agent_turn: true,
  tool_called: true,
  agent_completed: true,
  tests_run: true,
  risk_flagged: true,
  spec_revised: true,
  findings_reported: true,
  gate_opened: true,
  gate_decided: true,
  effect_recorded: true,
  cost_updated: true,
  intervention_progressed: true,
  warned: true,
  cleanup_pending: true,
} satisfies Record<StoredEvent['payload']['type'], true>);

const URL_OF_ALL_EVENTS = '/api/v1/events';
const REOPEN_AFTER_MS = 3_000;
const REFRESH_AFTER_MS = 150;

const StreamStateContext = createContext<StreamState>('connecting');
export const StreamStateProvider = StreamStateContext.Provider;
export const useStreamState = (): StreamState => use(StreamStateContext);

/**
 * The one live connection of the page. Events go into the query cache; what they make stale is fetched again, at most
 * once per moment. After every (re)connection everything on screen is fetched again, so nothing is missed in between.
 */
export function useEventStream(open: OpenStream): StreamState {
  const cache = useQueryClient();
  const [state, setState] = useState<StreamState>('connecting');
  useEffect(() => follow(cache, open, setState), [cache, open]);
  return state;
}

function follow(cache: QueryClient, open: OpenStream, onState: (state: StreamState) => void): () => void {
  let source: EventSource;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  const refresh = refresher(cache);

  const connect = () => {
    source = open(URL_OF_ALL_EVENTS);
    source.onopen = () => {
      onState('live');
      void cache.invalidateQueries();
    };
    const receive = (message: MessageEvent<string>) => {
      const stored = JSON.parse(message.data) as StoredEvent;
      remember(cache, stored);
      refresh(stored.cr_id);
    };
    for (const type of EVENT_TYPES) source.addEventListener(type, receive);
    source.onerror = () => {
      onState('lost');
      // The browser reconnects by itself unless the server refused; then we ask again later.
      if (source.readyState === source.CLOSED) reopening = setTimeout(connect, REOPEN_AFTER_MS);
    };
  };
  connect();
  return () => {
    clearTimeout(reopening);
    refresh.stop();
    source.close();
  };
}

function remember(cache: QueryClient, stored: StoredEvent): void {
  cache.setQueryData<StoredEvent[]>(keys.events(stored.cr_id), (known) => known && inOrder([...known, stored]));
}

/** Events by sequence, each once: a page and the stream may overlap. */
export function inOrder(events: StoredEvent[]): StoredEvent[] {
  const bySeq = new Map(events.map((event) => [event.seq, event]));
  return [...bySeq.values()].sort((one, other) => one.seq - other.seq);
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
