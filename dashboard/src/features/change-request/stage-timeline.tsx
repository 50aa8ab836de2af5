import { Link, useSearchParams } from 'react-router';

import type { Detail } from '@/features/change-request/api/get-change-request';
import { timelineOf, type StageOnTimeline, type StageState } from '@/features/change-request/timeline';
import type { StoredEvent } from '@/lib/history';
import { duration, usd } from '@/lib/format';
import { useNow } from '@/lib/use-now';
import { stageLabel } from '@/lib/vocabulary';

const STATE_WORD: Record<StageState, string> = {
  ahead: 'not reached',
  active: 'in progress',
  done: 'done',
  stopped: 'stopped here',
};

interface Props {
  of: Detail;
  events: StoredEvent[];
  /** What each stage cost, by its name. */
  costs: Record<string, string>;
}

export function Timeline({ of, events, costs }: Props) {
  return (
    <nav className="timeline" aria-label="Stages">
      <ol>
        {timelineOf(events, of).map((entry) => (
          <StageRow key={entry.stage} entry={entry} cost={costs[entry.stage]} />
        ))}
      </ol>
    </nav>
  );
}

function StageRow({ entry, cost }: { entry: StageOnTimeline; cost: string | undefined }) {
  return (
    <li className={`stage stage-${entry.state}`} aria-current={entry.state === 'active' ? 'step' : undefined}>
      <span className="stage-dot" aria-hidden="true" />
      <span className="stage-name" title={entry.explanation}>
        <StageLink entry={entry} />
        <span className="visually-hidden">: {STATE_WORD[entry.state]}</span>
        {entry.rounds > 1 && (
          <span className="stage-rounds">
            round {entry.rounds}
            {entry.roundsMax !== null && ` of ${entry.roundsMax}`}
          </span>
        )}
      </span>
      <span className="stage-time">
        <Spent entry={entry} />
        {cost !== undefined && Number(cost) > 0 && <span className="stage-cost">{usd(cost)}</span>}
      </span>
      {entry.summary !== '' && <span className="stage-summary">{entry.summary}</span>}
      {entry.loops.map((loop, index) => (
        <span key={index} className="stage-loop">
          ↩ back to {stageLabel(loop.to).toLowerCase()}, {loop.number} of {loop.max}: {loop.why}
        </span>
      ))}
    </li>
  );
}

/** A stage that was reached opens its part of the activity. */
function StageLink({ entry }: { entry: StageOnTimeline }) {
  const [params] = useSearchParams();
  if (entry.rounds === 0) return entry.label;
  const shown = params.get('stage') === entry.stage;
  return (
    <Link className="stage-link" to={shown ? '?' : `?stage=${entry.stage}`} replace aria-current={shown ? 'true' : undefined}>
      {entry.label}
    </Link>
  );
}

function Spent({ entry }: { entry: StageOnTimeline }) {
  const now = useNow();
  const running = entry.since === null ? 0 : Math.max(0, (now - Date.parse(entry.since)) / 1000);
  const total = entry.seconds + running;
  return total > 0 ? duration(total) : null;
}
