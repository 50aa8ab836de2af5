import { useState } from 'react';
import { Link } from 'react-router';

import { Ago } from '@/components/ago';
import { Badge } from '@/components/badge';
import { Dialog } from '@/components/dialog';
import { Loaded } from '@/components/loaded';
import { Empty, Problem } from '@/components/states';
import { useDeleteStale, useStaleBranches, type Stale } from '@/features/stale-branches/api/stale-branches';
import { words } from '@/lib/format';
import { useMay } from '@/lib/me';
import { useTitle } from '@/lib/use-title';
import { STATUS, type Tone } from '@/lib/vocabulary';

const AT_REMOTE: Record<Stale['at_remote'], [string, Tone]> = {
  there: ['there', 'calm'],
  moved: ['moved since', 'attention'],
  unknown: ['not known', 'muted'],
};

/** Branches and saved work that outlived their change requests, with whose they are; nothing goes by itself. */
export function StaleBranches() {
  useTitle('Stale branches · Changeline');
  return (
    <main className="page">
      <h1 className="page-title">Stale branches</h1>
      <p className="quiet">
        What change requests that failed, were cancelled or aborted left at remotes, the longest ended first. The remotes were asked just now;
        nothing is deleted by itself.
      </p>
      <Loaded query={useStaleBranches()} what="what is left at remotes">
        {({ items, truncated }) => (
          <>
            {truncated && <p className="remark">More change requests ended than were looked at. Decide about these first.</p>}
            {items.length === 0 ? <Empty title="Nothing is left at a remote." /> : <Table items={items} />}
          </>
        )}
      </Loaded>
    </main>
  );
}

function Table({ items }: { items: Stale[] }) {
  return (
    <div className="scroll-x" role="group" aria-label="Stale branches" tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th>Left</th>
            <th>Of</th>
            <th>Ended</th>
            <th>At the remote</th>
            <th>
              <span className="visually-hidden">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <Row key={`${one.change_request}:${one.artifact.id}`} one={one} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ one }: { one: Stale }) {
  const [place, tone] = AT_REMOTE[one.at_remote];
  return (
    <tr>
      <td>
        <code>{one.artifact.name}</code> <span className="quiet">in {one.artifact.repository}</span>
      </td>
      <td>
        <Link to={`/change-requests/${one.change_request}`}>{one.title}</Link>{' '}
        <span className="quiet">
          {STATUS[one.status].label.toLowerCase()}, by {one.created_by}
        </span>
      </td>
      <td>
        <Ago at={one.ended_at} />
      </td>
      <td>
        <Badge tone={tone} title={one.why_unknown || one.remote}>
          {one.artifact.state === 'open' ? place : words(one.artifact.state)}
        </Badge>
      </td>
      <td>
        <Delete one={one} />
      </td>
    </tr>
  );
}

/** Says what would be lost before anything is deleted. */
function Delete({ one }: { one: Stale }) {
  const [asking, setAsking] = useState(false);
  const remove = useDeleteStale(one);
  const may = useMay('operator');
  if (!may || !one.artifact.options.includes('delete')) return null;
  return (
    <>
      <button type="button" className="button button-danger" aria-label={`Delete ${one.artifact.name}`} onClick={() => setAsking(true)}>
        Delete…
      </button>
      <Dialog title={`Delete ${one.artifact.name}?`} open={asking} onClose={() => setAsking(false)}>
        <div className="dialog-body">
          <h2>Delete {one.artifact.name}?</h2>
          <p className="remark">{one.artifact.warning}</p>
          {one.at_remote === 'moved' && <p className="remark">Somebody moved it since, so it will be left alone.</p>}
          <div className="buttons">
            <button type="button" className="button" autoFocus onClick={() => setAsking(false)}>
              Keep it
            </button>
            <button type="button" className="button button-danger" disabled={remove.isPending} onClick={() => remove.mutate(undefined, { onSuccess: () => setAsking(false) })}>
              Delete it for good
            </button>
          </div>
          {remove.error && <Problem error={remove.error} />}
        </div>
      </Dialog>
    </>
  );
}
