import type { Detail } from '@/features/change-request/api/get-change-request';
import { timelineOf, type StageOnTimeline, type StageState } from '@/features/change-request/timeline';
import type { StoredEvent } from '@/lib/event-stream';
import { duration } from '@/lib/format';
import { useNow } from '@/lib/use-now';

const STATE_WORD: Record<StageState, string> = {
  ahead: 'not reached',
  active: 'in progress',
  done: 'done',
  stopped: 'stopped here',
};

export function Timeline({ of, events }: { of: Detail; events: StoredEvent[] }) {
  return (
    <nav className="timeline" aria-label="Stages">
      <ol>
        {timelineOf(events, of).map((entry) => (
          <StageRow key={entry.stage} entry={entry} />
        ))}
      </ol>
    </nav>
  );
}

function StageRow({ entry }: { entry: StageOnTimeline }) {
  return (
    <li className={`stage stage-${entry.state}`} aria-current={entry.state === 'active' ? 'step' : undefined}>
      <span className="stage-dot" aria-hidden="true" />
      <span className="stage-name">
        {entry.label}
        <span className="visually-hidden">: {STATE_WORD[entry.state]}</span>
        {entry.rounds > 1 && <span className="stage-rounds">round {entry.rounds}</span>}
      </span>
      <span className="stage-time">
        <Spent entry={entry} />
      </span>
      {entry.summary !== '' && <span className="stage-summary">{entry.summary}</span>}
      {entry.loops.map((why, index) => (
        <span key={index} className="stage-loop">
          ↩ {why}
        </span>
      ))}
    </li>
  );
}

function Spent({ entry }: { entry: StageOnTimeline }) {
  const now = useNow();
  const running = entry.since === null ? 0 : Math.max(0, (now - Date.parse(entry.since)) / 1000);
  const total = entry.seconds + running;
  return total > 0 ? duration(total) : null;
}
