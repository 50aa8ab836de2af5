import { useSyncExternalStore } from 'react';

/** A remark on one line, not yet said. */
export interface Draft {
  /** Where: `shop/a.py:12` or `spec shop:4`. */
  place: string;
  line: string;
  text: string;
}

const NONE: readonly Draft[] = [];
const listeners = new Set<() => void>();
const known = new Map<string, { text: string; drafts: readonly Draft[] }>();

/** The remarks of this browser on a change request; they outlive a reload, and go away when they are sent. */
export function useDrafts(id: string): readonly Draft[] {
  return useSyncExternalStore(subscribe, () => read(id));
}

export function saveDraft(id: string, draft: Draft): void {
  const others = read(id).filter((one) => one.place !== draft.place);
  write(id, draft.text.trim() === '' ? others : [...others, draft]);
}

export function clearDrafts(id: string): void {
  write(id, NONE);
}

/** All remarks as one instruction, in the order of their places. */
export function instructionOf(drafts: readonly Draft[]): string {
  const sorted = drafts.toSorted((one, other) => one.place.localeCompare(other.place, undefined, { numeric: true }));
  return sorted.map((draft) => `At ${draft.place} (\`${draft.line.trim()}\`): ${draft.text.trim()}`).join('\n');
}

function read(id: string): readonly Draft[] {
  const text = sessionStorage.getItem(nameOf(id)) ?? '';
  const before = known.get(id);
  if (before?.text === text) return before.drafts;
  const drafts = text === '' ? NONE : (JSON.parse(text) as Draft[]);
  known.set(id, { text, drafts });
  return drafts;
}

function write(id: string, drafts: readonly Draft[]): void {
  if (drafts.length === 0) sessionStorage.removeItem(nameOf(id));
  else sessionStorage.setItem(nameOf(id), JSON.stringify(drafts));
  for (const listener of listeners) listener();
}

function nameOf(id: string): string {
  return `changeline.drafts.${id}`;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
