import { Link } from 'react-router';

import { CheckBadge } from '@/components/check-badge';
import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import type { Schemas } from '@/lib/api';
import { useRepositories } from '@/lib/repositories';
import { useRowKeys } from '@/lib/shortcuts';
import { useTitle } from '@/lib/use-title';

/** The registered repositories, each with what its last check says. */
export function RepositoriesPage() {
  useTitle('Repositories · Changeline');
  useRowKeys();
  return (
    <main className="page">
      <h1 className="page-title">Repositories</h1>
      <p className="quiet">Where changes can be made. A check builds a repository and runs its suite twice, without a model.</p>
      <Loaded query={useRepositories()} what="repositories">
        {(items) =>
          items.length === 0 ? (
            <Empty title="No repository is registered.">
              <span>
                Register one with <code>changeline repo add PATH</code>.
              </span>
            </Empty>
          ) : (
            <ul className="rows">
              {items.map((one) => (
                <li key={one.name}>
                  <Row one={one} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </main>
  );
}

function Row({ one }: { one: Schemas['ListedRepository'] }) {
  return (
    <Link data-row className="repository-row" to={`/repositories/${encodeURIComponent(one.name)}`}>
      <span>
        <strong className="row-title">{one.name}</strong>
        <span className="row-meta">
          {one.remote} · {one.base_branch}
        </span>
      </span>
      <CheckBadge state={one.check} verdict={one.verdict} />
    </Link>
  );
}
