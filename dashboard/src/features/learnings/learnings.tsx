import { Link } from 'react-router';

import { Ago } from '@/components/ago';
import { Loaded } from '@/components/loaded';
import { Empty, Problem } from '@/components/states';
import { useLearnings, useSettleLearning, type Learning } from '@/features/learnings/api/learnings';
import { useMay } from '@/lib/me';
import { useRowKeys } from '@/lib/shortcuts';
import { useTitle } from '@/lib/use-title';

const GROUPS: readonly (readonly [Learning['status'], string])[] = [
  ['proposed', 'Proposed'],
  ['approved', 'Approved: they enter later prompts, marked as untrusted'],
  ['retired', 'Retired'],
];

export function Learnings() {
  const query = useLearnings();
  useTitle('Learnings · Changeline');
  useRowKeys();
  return (
    <main className="page">
      <h1 className="page-title">Learnings</h1>
      <p className="quiet">What retrospectives propose. Nothing of it reaches an agent before somebody approves it.</p>
      <Loaded query={query} what="learnings">
        {(all) =>
          all.length === 0 ? (
            <Empty title="Nothing was learnt yet." />
          ) : (
            GROUPS.map(([status, label]) => <Group key={status} label={label} items={all.filter((one) => one.status === status)} />)
          )
        }
      </Loaded>
    </main>
  );
}

function Group({ label, items }: { label: string; items: Learning[] }) {
  if (items.length === 0) return null;
  return (
    <section className="group" aria-label={label}>
      <h2 className="group-title">
        {label} <span className="group-count">{items.length}</span>
      </h2>
      <ul className="rows">
        {items.map((item) => (
          <li key={item.id}>
            <One item={item} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function One({ item }: { item: Learning }) {
  const settle = useSettleLearning();
  const may = useMay('approver');
  const button = (how: 'approve' | 'retire', label: string) => (
    <button type="button" data-row className="button" disabled={settle.isPending} aria-label={`${label}: ${item.text}`} onClick={() => settle.mutate({ id: item.id, how })}>
      {label}
    </button>
  );
  return (
    <div className="learning">
      <div>
        <p>{item.text}</p>
        <p className="quiet">{item.evidence}</p>
        <p className="quiet">
          {item.repository} · from <Link to={`/change-requests/${item.cr_id}`}>{item.cr_id}</Link> · <Ago at={item.created_at} />
          {item.decided_by !== null && ` · decided by ${item.decided_by}`}
        </p>
        {settle.error && <Problem error={settle.error} />}
      </div>
      {may && (
        <div className="buttons">
          {item.status !== 'approved' && button('approve', 'Approve')}
          {item.status !== 'retired' && button('retire', 'Retire')}
        </div>
      )}
    </div>
  );
}
