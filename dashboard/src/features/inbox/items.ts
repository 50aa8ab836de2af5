import { PAUSE } from '@/api/pause-reasons';
import type { Effect, Gate, Paused } from '@/features/inbox/api/inbox';
import { words } from '@/lib/format';
import { stageLabel } from '@/lib/vocabulary';

/** One thing that waits for a person. */
export interface Item {
  id: string;
  changeRequest: string;
  title: string;
  what: string;
  since: string | null;
  effect: Effect | null;
}

/** Decisions first, then what stopped, then what could not be done outside; the oldest first within each. */
export function itemsOf(gates: readonly Gate[], paused: readonly Paused[], effects: readonly Effect[]): Item[] {
  return [
    ...gates.map((gate) => ({
      id: gate.id, changeRequest: gate.cr_id, title: gate.title, what: `${words(gate.kind)} decision`,
      since: gate.created_at, effect: null,
    })),
    ...paused
      .toSorted((one, other) => one.updated_at.localeCompare(other.updated_at))
      .map((item) => ({
        id: item.id, changeRequest: item.id, title: item.title, what: whyStopped(item), since: item.updated_at, effect: null,
      })),
    ...effects.map((effect) => ({
      id: effect.id, changeRequest: effect.cr_id, title: `${words(effect.kind)} ${effect.repository ?? ''}`,
      what: 'could not be done outside', since: null, effect,
    })),
  ];
}

function whyStopped(item: Paused): string {
  if (item.pause_reason !== null) return PAUSE[item.pause_reason].title;
  return item.stage === null ? 'waits for you' : `waits for you at ${stageLabel(item.stage).toLowerCase()}`;
}
