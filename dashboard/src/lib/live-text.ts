import { useSyncExternalStore } from 'react';

import type { StoredEvent } from '@/lib/history';

/** A piece of what a model says, as the stream sends it. It may have gaps, and nothing keeps it. */
export interface Delta {
  cr_id: string;
  stage: string;
  repository: string | null;
  role: string;
  instance: string;
  turn: number;
  /** Counts from 0 within one try of one turn. */
  part: number;
  /** Something was left out before this piece. */
  cut: boolean;
  text: string;
}

/** What one agent is saying at this moment. */
export interface Saying {
  agent: string;
  role: string;
  repository: string | null;
  turn: number;
  text: string;
}

type Place = Pick<Delta, 'repository' | 'role' | 'instance'>;

const KEPT_CHARACTERS = 4_000;
const NOTHING: Saying[] = [];
const ENDS_ALL = new Set(['status_changed', 'worker_lost', 'worker_started']);

/** Texts that stream, per change request. An event that says how a turn ended ends its text. */
export class LiveText {
  private readonly sayings = new Map<string, Saying[]>();
  private readonly ended = new Map<string, number>();
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  of(id: string): Saying[] {
    return this.sayings.get(id) ?? NOTHING;
  }

  hear(delta: Delta): void {
    const agent = nameOf(delta);
    if (delta.turn <= (this.ended.get(`${delta.cr_id}/${agent}`) ?? 0)) return;
    const others = this.of(delta.cr_id).filter((one) => one.agent !== agent);
    const known = this.of(delta.cr_id).find((one) => one.agent === agent && one.turn === delta.turn);
    const said = delta.part === 0 ? '' : (known?.text ?? '');
    const text = `${said}${delta.cut ? ' … ' : ''}${delta.text}`.slice(-KEPT_CHARACTERS);
    const { role, repository, turn } = delta;
    this.set(delta.cr_id, [...others, { agent, role, repository, turn, text }]);
  }

  see({ cr_id: id, payload }: StoredEvent): void {
    if (ENDS_ALL.has(payload.type)) {
      for (const key of this.ended.keys()) if (key.startsWith(`${id}/`)) this.ended.delete(key);
      this.set(id, NOTHING);
    } else if (payload.type === 'agent_started') {
      const { repository = null, role, instance } = payload;
      // A further round of the same agent counts its turns anew.
      this.ended.set(`${id}/${nameOf({ repository, role: role ?? '', instance })}`, payload.resumed_at_turn);
    } else if (payload.type === 'agent_turn' || payload.type === 'agent_completed') {
      const { repository = null, role, instance } = payload;
      const agent = nameOf({ repository, role: role ?? '', instance });
      this.ended.set(`${id}/${agent}`, payload.type === 'agent_turn' ? payload.turn : payload.turns);
      this.set(id, this.of(id).filter((one) => one.agent !== agent));
    }
  }

  private set(id: string, sayings: Saying[]): void {
    if (sayings.length === 0 && !this.sayings.has(id)) return;
    if (sayings.length === 0) this.sayings.delete(id);
    else this.sayings.set(id, sayings);
    for (const listener of this.listeners) listener();
  }
}

export const liveText = new LiveText();

/** What the agents of a change request are saying at this moment; changes up to ten times a second. */
export function useLiveText(id: string, source: LiveText = liveText): Saying[] {
  return useSyncExternalStore(source.subscribe, () => source.of(id));
}

function nameOf({ repository, role, instance }: Place): string {
  return `${repository ?? ''}/${role}/${instance}`;
}
