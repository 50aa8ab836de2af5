import { useEffect, useSyncExternalStore } from 'react';

/** What one person likes in one browser; nothing of it is known to the controller. */
export interface Preferences {
  theme: 'system' | 'light' | 'dark';
  singleKeys: boolean;
  diff: 'unified' | 'split';
}

const STORED_AS = 'changeline.preferences';
const DEFAULTS: Preferences = { theme: 'system', singleKeys: true, diff: 'unified' };
const listeners = new Set<() => void>();
let known: { text: string | null; value: Preferences } = { text: null, value: DEFAULTS };

export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, read);
}

export function prefer(change: Partial<Preferences>): void {
  localStorage.setItem(STORED_AS, JSON.stringify({ ...read(), ...change }));
  for (const listener of listeners) listener();
}

/** Shows the page in the preferred colours. */
export function useTheme(): void {
  const { theme } = usePreferences();
  useEffect(() => {
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }, [theme]);
}

function read(): Preferences {
  const text = localStorage.getItem(STORED_AS);
  if (text !== known.text) known = { text, value: { ...DEFAULTS, ...parsed(text) } };
  return known.value;
}

function parsed(text: string | null): Partial<Preferences> {
  try {
    return text === null ? {} : (JSON.parse(text) as Partial<Preferences>);
  } catch {
    return {};
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener('storage', listener);
  return () => {
    listeners.delete(listener);
    removeEventListener('storage', listener);
  };
}
