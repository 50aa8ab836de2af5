import { memo } from 'react';
import { Link } from 'react-router';

import { lineOf } from '@/features/change-request/event-line';
import type { StoredEvent } from '@/lib/history';
import { clock, duration, words } from '@/lib/format';

interface Props {
  id: string;
  stored: StoredEvent;
}

type ToolCalled = Extract<StoredEvent['payload'], { type: 'tool_called' }>;

export const EventRow = memo(function EventRow({ id, stored }: Props) {
  const { mark, who, text, tone, heading } = lineOf(stored.payload);
  const line = (
    <>
      <time className="event-time" dateTime={stored.at} title={new Date(stored.at).toLocaleString()}>
        {clock(stored.at)}
      </time>
      <span className={`event-mark tone-${tone}`} aria-hidden="true">
        {mark}
      </span>
      <span className="event-text">
        {who !== '' && <span className="event-who">{who}</span>}
        {text}
      </span>
    </>
  );
  if (stored.payload.type === 'tool_called') return <ToolRow id={id} call={stored.payload} line={line} />;
  return <div className={heading ? 'event event-heading' : 'event'}>{line}</div>;
});

/** A tool call is one line; opened, it says what was run and leads to the turn that asked for it. */
function ToolRow({ id, call, line }: { id: string; call: ToolCalled; line: React.ReactNode }) {
  const query = new URLSearchParams({ tab: 'conversation', role: call.role ?? '', instance: call.instance });
  return (
    <details className="event-tool">
      <summary className="event">{line}</summary>
      <div className="event-more">
        <pre className="code">{call.summary}</pre>
        <p className="quiet">
          {call.tool}, turn {call.turn} of {words(call.role ?? 'the agent')}
          {call.instance !== '' && ` (${call.instance})`}, {call.ok ? 'went well' : 'failed'}
          , {duration(call.duration_s)}.{' '}
          <Link to={`/change-requests/${id}?${query.toString()}`}>What it answered</Link>
        </p>
      </div>
    </details>
  );
}
