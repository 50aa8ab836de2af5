import { EventRow } from '@/features/change-request/event-row';
import type { StoredEvent } from '@/lib/event-stream';
import { useFollow } from '@/lib/use-follow';
import { useBoxRows } from '@/lib/use-rows';

const PLAIN_MAX = 400;
const ROW_PX = 25;

interface Props {
  id: string;
  events: StoredEvent[];
}

/** The log follows the newest line until the reader scrolls away; long ones hold only what is near the screen. */
export function ActivityList({ id, events }: Props) {
  const { ref, following, onScroll, jump } = useFollow(events.length);
  return (
    <div className="activity">
      <div className="activity-list" ref={ref} onScroll={onScroll} role="log" aria-label="Activity" tabIndex={0}>
        {events.length > PLAIN_MAX ? (
          <Windowed id={id} events={events} box={ref} />
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

function Windowed({ id, events, box }: Props & { box: React.RefObject<HTMLDivElement | null> }) {
  const rows = useBoxRows(events.length, ROW_PX, box);
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
