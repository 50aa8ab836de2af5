import type { StoredEvent } from '@/lib/history';

interface Flag {
  risk: string;
  pattern: string;
  quote: string;
}

interface Part {
  text: string;
  suspicious: boolean;
}

/** What screening flagged, each passage once. */
export function flagsIn(events: readonly StoredEvent[]): Flag[] {
  const flags = events.flatMap(({ payload }) => (payload.type === 'risk_flagged' ? [payload] : []));
  return [...new Map(flags.map((flag) => [flag.quote, flag])).values()];
}

/** The text cut where a quoted passage begins or ends; quotes that do not occur word for word are left out. */
export function marked(text: string, quotes: readonly string[]): Part[] {
  const ranges = quotes
    .map((quote) => [text.indexOf(quote), quote.length] as const)
    .filter(([start, length]) => start >= 0 && length > 0)
    .toSorted(([one], [other]) => one - other);
  const parts: Part[] = [];
  let at = 0;
  for (const [start, length] of ranges) {
    if (start < at) continue;
    parts.push({ text: text.slice(at, start), suspicious: false }, { text: text.slice(start, start + length), suspicious: true });
    at = start + length;
  }
  return [...parts, { text: text.slice(at), suspicious: false }].filter((part) => part.text !== '');
}
