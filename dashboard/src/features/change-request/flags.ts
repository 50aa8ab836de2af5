import type { StoredEvent } from '@/lib/history';
import { facts, list, text as said, type Facts } from '@/lib/json';

interface Flag {
  risk: string;
  pattern: string;
  quote: string;
  /** Why it is flagged; events of the course do not carry it. */
  explanation?: string;
}

interface Part {
  text: string;
  suspicious: boolean;
}

/** What stopped this text, then what else screening saw in it; each passage once. What an earlier text had is left out. */
export function flagsOf(pause: Facts, events: readonly StoredEvent[], text: string): Flag[] {
  const stopping = list(pause['flags'])
    .map(facts)
    .map((flag) => ({ risk: said(flag['risk']), pattern: said(flag['pattern']), quote: said(flag['quote']), explanation: said(flag['explanation']) }));
  const seen = events.flatMap(({ payload }) => (payload.type === 'risk_flagged' && text.includes(payload.quote) ? [payload] : []));
  const stops = new Set(stopping.map((flag) => flag.quote.slice(0, EVENT_QUOTE_MAX)));
  const others = new Map(seen.filter((flag) => !stops.has(flag.quote)).map((flag) => [flag.quote, flag]));
  return [...stopping, ...others.values()];
}

/** Events carry at most this much of a passage. */
const EVENT_QUOTE_MAX = 500;

/** A passage with what nobody sees written out, such as <U+200B>, and cut where it gets long. */
export function readable(quote: string): string {
  const shown = quote.replace(UNSEEN, (character) => `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`);
  return shown.length > QUOTE_MAX ? `${shown.slice(0, QUOTE_MAX)}…` : shown;
}

const UNSEEN = /[\p{Cf}\p{Co}\p{Zl}\p{Zp}\u{E0100}-\u{E01EF}]|(?![\n\t])\p{Cc}/gu;
const QUOTE_MAX = 200;

/** The text cut where a quoted passage begins or ends, wherever it occurs; what does not occur word for word is left out. */
export function marked(text: string, quotes: readonly string[]): Part[] {
  const ranges = quotes.flatMap((quote) => placesOf(text, quote)).toSorted(([one, many], [other, more]) => one - other || more - many);
  const parts: Part[] = [];
  let at = 0;
  for (const [start, length] of ranges) {
    if (start < at) continue;
    parts.push({ text: text.slice(at, start), suspicious: false }, { text: text.slice(start, start + length), suspicious: true });
    at = start + length;
  }
  return [...parts, { text: text.slice(at), suspicious: false }].filter((part) => part.text !== '');
}

function placesOf(text: string, quote: string): (readonly [number, number])[] {
  const places: (readonly [number, number])[] = [];
  if (quote === '') return places;
  for (let at = text.indexOf(quote); at >= 0; at = text.indexOf(quote, at + quote.length)) places.push([at, quote.length]);
  return places;
}
