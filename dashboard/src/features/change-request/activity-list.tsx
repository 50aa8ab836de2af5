import { NEWEST } from '@/features/change-request/api/get-events';
import { EventRow } from '@/features/change-request/event-row';
import type { History, StoredEvent } from '@/lib/history';
import { useFollow } from '@/lib/use-follow';
import { useLogRows } from '@/lib/use-rows';

interface Props {
  id: string;
  known: History;
  /** How many events there are in all; null when only some of them are shown. */
  total: number | null;
  loading: boolean;
  failed: Error | null;
  onEarlier: () => void;
}

/** The log begins at its newest line and follows it until the reader scrolls away; earlier ones come as they are reached. */
export function ActivityList({ id, known, total, loading, failed, onEarlier }: Props) {
  const { events, before } = known;
  // After a failure only a press asks again, so that scrolling does not knock at a closed door.
  const { box, setBox, following, onScroll, jump } = useFollow(events.at(-1)?.seq, () => failed === null && onEarlier());
  const windowed = before !== null || events.length > NEWEST;
  return (
    <div className="activity">
      {before !== null && (
        <div className="activity-earlier">
          <span className="quiet">
            The newest {events.length.toLocaleString()} {total !== null && `of ${total.toLocaleString()} `}events
          </span>
          {failed !== null && <span role="alert">{failed.message}</span>}
          <button type="button" className="button button-quiet" disabled={loading} onClick={onEarlier}>
            {loading ? 'Loading…' : 'Show earlier'}
          </button>
        </div>
      )}
      <div
        className="activity-list"
        ref={setBox}
        onScroll={onScroll}
        role="log"
        aria-label="Activity"
        aria-live={following ? 'polite' : 'off'}
        aria-busy={loading}
        tabIndex={0}
      >
        {windowed ? (
          <Windowed id={id} events={events} box={box} />
        ) : (
          events.map((stored) => <EventRow key={stored.seq} id={id} stored={stored} />)
        )}
      </div>
      {!following && (
        <button type="button" className="button jump" onClick={jump}>
          Jump to live ↓
        </button>
      )}
    </div>
  );
}

interface WindowedProps {
  id: string;
  events: StoredEvent[];
  box: HTMLDivElement | null;
}

function Windowed({ id, events, box }: WindowedProps) {
  const rows = useLogRows(events.length, (index) => events[index]?.seq ?? index, box);
  return (
    <div className="activity-space" style={{ height: rows.getTotalSize() }}>
      {rows.getVirtualItems().map((row) => {
        const stored = events[row.index];
        return (
          stored && (
            <div
              key={stored.seq}
              ref={rows.measureElement}
              data-index={row.index}
              className="activity-place"
              style={{ transform: `translateY(${row.start}px)` }}
            >
              <EventRow id={id} stored={stored} />
            </div>
          )
        );
      })}
    </div>
  );
}
