import { PAUSE } from '@/api/pause-reasons';
import { duration, short, usd, words } from '@/lib/format';
import type { StoredEvent } from '@/lib/history';
import { STATUS, WAIT, stageLabel, type Tone } from '@/lib/vocabulary';

export interface Line {
  mark: string;
  who: string;
  text: string;
  tone: Tone;
  /** Opens a new part of the story. */
  heading?: boolean;
}

type Event = StoredEvent['payload'];

/** One event as one line. Exhaustive: a new kind of event does not compile until it has words. */
export function lineOf(event: Event): Line {
  switch (event.type) {
    case 'status_changed':
      return { mark: '●', who: event.actor ?? 'Changeline', text: statusText(event), tone: STATUS[event.status].tone };
    case 'stage_entered':
      return { mark: '▸', who: '', text: stageText(event), tone: 'calm', heading: true };
    case 'stage_completed':
      return line('✓', event, [event.summary || event.outcome, duration(event.duration_s)], 'good');
    case 'stage_looped':
      return line('↩', event, [`back to ${stageLabel(event.back_to).toLowerCase()}`, event.why, `${event.loop} of ${event.loops_max}`], 'attention');
    case 'tests_run':
      return line('◆', event, [`${event.purpose} run`, event.summary, `at ${short(event.commit)}`], event.ok ? 'good' : 'bad');
    case 'findings_reported':
      return { ...line('◇', event, [findings(event.blocking, event.total)], event.blocking ? 'bad' : 'good'), who: words(event.source) };
    case 'risk_flagged':
      return line('!', event, [`${event.risk} risk`, event.pattern, `“${event.quote}”`], event.risk === 'high' ? 'bad' : 'attention');
    case 'spec_revised':
      return line('§', event, [`revision ${event.revision}`, `${event.scenarios} scenarios`], 'calm');
    case 'gate_opened':
      return line('◈', event, [`${words(event.kind)} waits for a decision`, `content ${short(event.content_hash)}`], 'attention');
    case 'gate_decided':
      return { ...line('◈', event, [words(event.decision), event.comment], 'good'), who: event.actor };
    case 'effect_recorded':
      return line('↗', event, [words(event.kind), event.summary, event.status], event.status === 'done' ? 'good' : 'calm');
    case 'intervention_progressed':
      return { ...line('✎', event, [words(event.action), event.status, turn(event.turn)], 'attention'), who: event.actor };
    case 'cost_updated':
      return line('$', event, [`${usd(event.spent_usd)} of ${usd(event.budget_usd)} spent`], 'muted');
    case 'cleanup_pending':
      return { ...line('!', event, ['cleanup put off', event.message], 'attention'), who: event.actor };
    case 'warned':
      return line('!', event, [event.message], 'attention');
    case 'worker_started':
      return line('○', event, [`worker started`, `epoch ${event.epoch}`, `isolation: ${event.isolation}`], 'muted');
    case 'worker_lost':
      return line('○', event, [`worker lost`, event.cause, `epoch ${event.epoch} is over`], 'attention');
    case 'agent_started':
      return line('›', event, [event.resumed_at_turn ? `resumed at turn ${event.resumed_at_turn}` : 'started', event.model], 'muted');
    case 'agent_turn':
      return line('›', event, [event.text || `turn ${event.turn}`], 'calm');
    case 'tool_called':
      return line('$', event, [event.summary, event.ok ? '' : 'failed', duration(event.duration_s)], event.ok ? 'muted' : 'attention');
    case 'agent_completed':
      return line('›', event, [`done after ${event.turns} ${event.turns === 1 ? 'turn' : 'turns'}`, usd(event.cost_usd)], 'muted');
  }
}

/** What is happening now, in a few words, from the newest event that says something about it. */
export function nowDoing(events: readonly StoredEvent[]): string | null {
  const telling = ['tool_called', 'agent_turn', 'agent_started', 'tests_run', 'stage_entered'];
  const last = events.findLast((stored) => telling.includes(stored.payload.type));
  if (!last) return null;
  const { who, text: said } = lineOf(last.payload);
  const text = last.payload.type === 'agent_turn' ? (last.payload.calls[0] ?? said) : said;
  return who ? `${who}: ${text}` : text;
}

function line(mark: string, event: Event, parts: (string | null)[], tone: Tone): Line {
  const who = event.role ?? event.repository ?? '';
  return { mark, who: words(who), text: parts.filter(Boolean).join(' · '), tone };
}

function statusText(event: Extract<Event, { type: 'status_changed' }>): string {
  const label = event.wait ? WAIT[event.wait].label : STATUS[event.status].label;
  const reason = event.reason ? PAUSE[event.reason].title : '';
  return [label, reason, event.message].filter(Boolean).join(' · ');
}

function stageText(event: Extract<Event, { type: 'stage_entered' }>): string {
  const name = event.stage ? stageLabel(event.stage) : 'Stage';
  const round = event.round > 1 ? `round ${event.round}` : '';
  return [name, event.repository, round].filter(Boolean).join(' · ');
}

function findings(blocking: number, total: number): string {
  if (total === 0) return 'nothing found';
  return blocking === 0 ? `${total} found, none blocking` : `${total} found, ${blocking} blocking`;
}

function turn(number: number | null | undefined): string {
  return typeof number === 'number' ? `seen at turn ${number}` : '';
}
