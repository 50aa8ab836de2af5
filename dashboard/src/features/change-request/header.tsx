import { Ago } from '@/components/ago';
import { ScriptedBadge } from '@/components/scripted-badge';
import { StatusBadge } from '@/components/status-badge';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { short, usd } from '@/lib/format';

export function Header({ of }: { of: Detail }) {
  return (
    <header className="cr-head">
      <h1>{of.title}</h1>
      <div className="cr-meta">
        <StatusBadge of={of} />
        {of.model.scripted && <ScriptedBadge />}
        <code>{of.id}</code>
        {of.attempt > 1 && <span>attempt {of.attempt}</span>}
        <span>
          by {of.created_by}, <Ago at={of.created_at} />
        </span>
        {of.queue_position !== null && <span>number {of.queue_position} in the queue</span>}
        <Money spent={of.cost_usd} budget={of.budget_usd} />
      </div>
      <ul className="targets">
        {of.repositories.map((target) => (
          <li key={target.name}>
            <strong>{target.name}</strong> <code>{target.branch ?? 'no branch yet'}</code> → <code>{target.base_branch}</code>
            {target.merge_commit !== null && (
              <span className="merged">
                merged as <code>{short(target.merge_commit)}</code>
              </span>
            )}
          </li>
        ))}
      </ul>
    </header>
  );
}

function Money({ spent, budget }: { spent: string; budget: string }) {
  return (
    <span className="money">
      {usd(spent)} of {usd(budget)}
      <progress className="line" max={Number(budget)} value={Number(spent)} aria-label="Budget used" />
    </span>
  );
}
