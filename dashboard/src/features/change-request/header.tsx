import { Ago } from '@/components/ago';
import { ScriptedBadge } from '@/components/scripted-badge';
import { StatusBadge } from '@/components/status-badge';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { short, usd } from '@/lib/format';

export function Header({ of, level = 1 }: { of: Detail; level?: 1 | 2 }) {
  const Title = level === 1 ? 'h1' : 'h2';
  return (
    <header className="cr-head">
      <Title>{of.title}</Title>
      <div className="cr-meta">
        <StatusBadge of={of} />
        {of.model.scripted && <ScriptedBadge />}
        <code>{of.id}</code>
        {of.attempts.length > 1 && (
          <span>
            attempt {of.attempt} of {of.attempts.length}
          </span>
        )}
        <span>
          by {of.created_by}, <Ago at={of.created_at} />
        </span>
        {of.external_url !== null && (
          <a href={of.external_url} rel="noreferrer">
            {of.source} {of.external_id}
          </a>
        )}
        {of.worker?.alive === true && <span title={of.worker.owner}>worker {of.worker.epoch} at work</span>}
        {of.queue_position !== null && <span>number {of.queue_position} in the queue</span>}
        <Money of={of} />
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

function Money({ of }: { of: Detail }) {
  const { input_tokens: fresh, cache_write_tokens: written, cache_read_tokens: read } = of.cost;
  const all = fresh + written + read;
  return (
    <span className="money">
      {usd(of.cost_usd)} of {usd(of.budget_usd)}
      <progress className="line" max={Number(of.budget_usd) || 1} value={Number(of.cost_usd)} aria-label="Budget used" />
      {all > 0 && <span title="Share of input that came from the cache">{Math.round((100 * read) / all)} % cached</span>}
    </span>
  );
}
