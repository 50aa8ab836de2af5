import { Link } from 'react-router';

import { PAUSE } from '@/api/pause-reasons';
import { Ago } from '@/components/ago';
import { ScriptedBadge } from '@/components/scripted-badge';
import { StatusBadge } from '@/components/status-badge';
import type { Summary } from '@/features/board/api/get-change-requests';
import { usd } from '@/lib/format';
import { STAGES, stageLabel } from '@/lib/vocabulary';

export function ChangeRequestRow({ item }: { item: Summary }) {
  return (
    <Link className="row" data-row to={`/change-requests/${item.id}`}>
      <span className="row-status">
        <StatusBadge of={item} />
      </span>
      <span className="row-main">
        <span className="row-title">{item.title}</span>
        <span className="row-meta">
          <code>{item.id}</code>
          {item.attempt > 1 && <span>attempt {item.attempt}</span>}
          <span className="row-repositories">{item.repositories.join(', ')}</span>
          <span>by {item.created_by}</span>
          {item.scripted && <ScriptedBadge />}
        </span>
      </span>
      <span className="row-stage">
        <Where item={item} />
      </span>
      <span className="row-cost">
        {usd(item.cost_usd)}
        <progress className="line" max={Number(item.budget_usd) || 1} value={Number(item.cost_usd)} aria-label="Budget used" />
      </span>
      <span className="row-time">
        <span>
          <span className="visually-hidden">Last news </span>
          <Ago at={item.updated_at} />
        </span>
        <span className="row-age">
          submitted <Ago at={item.created_at} />
        </span>
      </span>
    </Link>
  );
}

function Where({ item }: { item: Summary }) {
  if (item.status === 'paused' && item.pause_reason !== null) {
    return <span className="row-reason">{PAUSE[item.pause_reason].title}</span>;
  }
  if (item.finished_at !== null || item.stage === null) return null;
  const number = STAGES.findIndex(({ stage }) => stage === item.stage) + 1;
  return (
    <>
      <span>{stageLabel(item.stage)}</span>
      <progress className="line" max={STAGES.length} value={number} aria-label={`Stage ${number} of ${STAGES.length}`} />
    </>
  );
}
