import { Empty } from '@/components/states';
import { lineOf } from '@/features/change-request/event-line';
import type { StoredEvent } from '@/lib/event-stream';
import { clock } from '@/lib/format';
import { useLiveText } from '@/lib/live-text';
import { useFollow } from '@/lib/use-follow';

/** Everything that happened, oldest first, following the newest until the reader scrolls away. */
export function Activity({ events }: { events: StoredEvent[] }) {
  const { ref, following, onScroll, jump } = useFollow(events.length);
  if (events.length === 0) return <Empty title="Nothing happened yet." />;
  return (
    <div className="activity">
      <div className="activity-list" ref={ref} onScroll={onScroll} role="log" aria-label="Activity" tabIndex={0}>
        {events.map((stored) => (
          <EventRow key={stored.seq} stored={stored} />
        ))}
      </div>
      <Typing id={events[0]?.cr_id ?? ''} />
      {!following && (
        <button type="button" className="button jump" onClick={jump}>
          Jump to live ↓
        </button>
      )}
    </div>
  );
}

/** The end of what each agent is saying. Not for screen readers: its first line follows as an event. */
function Typing({ id }: { id: string }) {
  return useLiveText(id).map(({ agent, role, text }) => (
    <p key={agent} className="event-typing" aria-hidden="true">
      <span className="event-who">{role.replaceAll('_', ' ')}</span> {lastWords(text)}
    </p>
  ));
}

const SHOWN_CHARACTERS = 160;

function lastWords(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > SHOWN_CHARACTERS ? `…${line.slice(-SHOWN_CHARACTERS)}` : line;
}

function EventRow({ stored }: { stored: StoredEvent }) {
  const { mark, who, text, tone, heading } = lineOf(stored.payload);
  return (
    <div className={heading ? 'event event-heading' : 'event'}>
      <time className="event-time" dateTime={stored.at}>
        {clock(stored.at)}
      </time>
      <span className={`event-mark tone-${tone}`} aria-hidden="true">
        {mark}
      </span>
      <span className="event-text">
        {who !== '' && <span className="event-who">{who}</span>}
        {text}
      </span>
    </div>
  );
}
