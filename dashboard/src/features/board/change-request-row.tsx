import { Link } from 'react-router';

import { Ago } from '@/components/ago';
import { StatusBadge } from '@/components/status-badge';
import type { Summary } from '@/features/board/api/get-change-requests';
import { usd } from '@/lib/format';
import { PAUSE, STAGES, stageLabel } from '@/lib/vocabulary';

export function ChangeRequestRow({ item }: { item: Summary }) {
  return (
    <li>
      <Link className="row" to={`/change-requests/${item.id}`}>
        <span className="row-status">
          <StatusBadge of={item} />
        </span>
        <span className="row-main">
          <span className="row-title">{item.title}</span>
          <span className="row-meta">
            <code>{item.id}</code>
            {item.attempt > 1 && <span>attempt {item.attempt}</span>}
            <span>{item.repositories.join(', ')}</span>
            <span>by {item.created_by}</span>
          </span>
        </span>
        <span className="row-stage">
          <Where item={item} />
        </span>
        <span className="row-cost">{usd(item.cost_usd)}</span>
        <span className="row-time">
          <Ago at={item.updated_at} />
        </span>
      </Link>
    </li>
  );
}

function Where({ item }: { item: Summary }) {
  if (item.status === 'paused' && item.pause_reason !== null) {
    return <span className="row-reason">{PAUSE[item.pause_reason].title}</span>;
  }
  if (item.finished_at !== null || item.stage === null) return null;
  const number = STAGES.findIndex(([stage]) => stage === item.stage) + 1;
  return (
    <>
      <span>{stageLabel(item.stage)}</span>
      <progress className="line" max={STAGES.length} value={number} aria-label={`Stage ${number} of ${STAGES.length}`} />
    </>
  );
}
