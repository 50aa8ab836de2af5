import { createContext, use, useEffect, useRef, useSyncExternalStore } from 'react';

/** One thing that a key does now. `keys` is one key (`p`) or a sequence (`g i`). */
export interface Shortcut {
  keys: string;
  label: string;
  run: () => void;
}

const SEQUENCE_MS = 1_200;
const TYPING = 'input, textarea, select, [contenteditable]';

/** What the keys do at the moment: pages add to it while they are shown; help and palette read it. */
export class Shortcuts {
  private readonly entries = new Map<string, Shortcut[]>();
  private readonly listeners = new Set<() => void>();
  private listed: readonly Shortcut[] = [];
  private begun = { keys: '', at: 0 };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly list = (): readonly Shortcut[] => this.listed;

  /** The latest meaning of a key holds; when its page goes, the one before holds again. */
  add(shortcut: Shortcut): () => void {
    this.entries.set(shortcut.keys, [...(this.entries.get(shortcut.keys) ?? []), shortcut]);
    this.changed();
    return () => {
      const left = (this.entries.get(shortcut.keys) ?? []).filter((one) => one !== shortcut);
      if (left.length === 0) this.entries.delete(shortcut.keys);
      else this.entries.set(shortcut.keys, left);
      this.changed();
    };
  }

  press(event: KeyboardEvent, singleKeys: boolean): void {
    const palette = event.key === 'k' && (event.ctrlKey || event.metaKey);
    if (palette) this.trigger('mod+k', event);
    else if (!event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented) this.plain(event, singleKeys);
  }

  private plain(event: KeyboardEvent, singleKeys: boolean): void {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest('dialog[open]')) return;
    if (target?.matches(TYPING)) {
      if (event.key === 'Escape' && target instanceof HTMLElement) target.blur();
      return;
    }
    if (!singleKeys && event.key !== 'Escape') return;
    const fresh = event.timeStamp - this.begun.at < SEQUENCE_MS;
    const sequence = this.begun.keys !== '' && fresh ? `${this.begun.keys} ${event.key}` : event.key;
    this.begun = { keys: '', at: 0 };
    if (this.trigger(sequence, event)) return;
    if ([...this.entries.keys()].some((keys) => keys.startsWith(`${event.key} `))) {
      this.begun = { keys: event.key, at: event.timeStamp };
    }
  }

  private trigger(keys: string, event: KeyboardEvent): boolean {
    const found = this.entries.get(keys)?.at(-1);
    if (!found) return false;
    event.preventDefault();
    found.run();
    return true;
  }

  private changed(): void {
    this.listed = [...this.entries.values()].map((same) => same.at(-1)).filter((one) => one !== undefined);
    for (const listener of this.listeners) listener();
  }
}

const ShortcutsContext = createContext<Shortcuts>(new Shortcuts());
export const ShortcutsProvider = ShortcutsContext.Provider;

export function useShortcutList(): readonly Shortcut[] {
  const shortcuts = use(ShortcutsContext);
  return useSyncExternalStore(shortcuts.subscribe, shortcuts.list);
}

/** Gives a key a meaning while the calling component is shown; `null` as `run` gives it none. */
export function useShortcut(keys: string, label: string, run: (() => void) | null): void {
  const shortcuts = use(ShortcutsContext);
  const latest = useRef(run);
  const active = run !== null;
  useEffect(() => {
    latest.current = run;
  });
  useEffect(
    () => (active ? shortcuts.add({ keys, label, run: () => latest.current?.() }) : undefined),
    [shortcuts, keys, label, active],
  );
}

/** Listens to the keyboard for the whole page. */
export function useKeyboard(singleKeys: boolean): void {
  const shortcuts = use(ShortcutsContext);
  useEffect(() => {
    const press = (event: KeyboardEvent) => shortcuts.press(event, singleKeys);
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [shortcuts, singleKeys]);
}

/** `j` and `k` move the focus over the rows on the page, `Enter` then opens the focused link by itself. */
export function useRowKeys(): void {
  useShortcut('j', 'Next row', () => moveFocus(1));
  useShortcut('k', 'Previous row', () => moveFocus(-1));
}

function moveFocus(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.findIndex((row) => row === document.activeElement);
  const next = at < 0 ? rows[0] : rows[Math.min(rows.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}
