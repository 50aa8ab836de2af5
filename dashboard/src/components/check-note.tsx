import { Link } from 'react-router';

import { Ago } from '@/components/ago';
import { CheckBadge } from '@/components/check-badge';
import { useCheck } from '@/lib/checks';

/** What the check of a repository says before a change is submitted to it. It warns, and forbids nothing. */
export function CheckNote({ name }: { name: string }) {
  const check = useCheck(name).data;
  if (check === undefined) return null;
  const page = `/repositories/${encodeURIComponent(name)}`;
  if (check.warning) {
    return (
      <div className="check-warning" role="alert">
        <CheckBadge state="done" verdict={check.found?.verdict ?? null} />
        <p>{check.warning}</p>
        {check.found?.verdict === 'broken' && <p className="quiet">A change would pause before any model is paid.</p>}
        <Link to={page}>See the check</Link>
      </div>
    );
  }
  return (
    <p className="check-note">
      <CheckBadge state={check.state} verdict={check.found?.verdict ?? null} />{' '}
      {check.finished_at && check.state === 'done' ? (
        <span className="quiet">
          checked <Ago at={check.finished_at} />
        </span>
      ) : null}{' '}
      <Link to={page}>{check.state === 'never' ? 'Check it first' : 'See the check'}</Link>
    </p>
  );
}
