import { Link, useParams } from 'react-router';

import { Ago } from '@/components/ago';
import { CheckBadge } from '@/components/check-badge';
import { Loaded } from '@/components/loaded';
import { Empty, Problem } from '@/components/states';
import { ComponentCard, TroubleNote } from '@/features/repositories/component-card';
import { Steps } from '@/features/repositories/steps';
import type { Schemas } from '@/lib/api';
import { useBeginCheck, useCheck, type Check } from '@/lib/checks';
import { duration, short } from '@/lib/format';
import { useMay } from '@/lib/me';
import { useRepositories } from '@/lib/repositories';
import { useShortcut } from '@/lib/shortcuts';
import { useTitle } from '@/lib/use-title';

/** One repository: what its check found, and what helps where something is in the way. */
export function RepositoryPage() {
  const { name = '' } = useParams();
  useTitle(`${name} · Changeline`);
  return (
    <main className="page">
      <Loaded query={useRepositories()} what="repositories">
        {(items) => {
          const of = items.find((one) => one.name === name);
          return of === undefined ? <Empty title="No repository of this name is registered." /> : <Repository key={name} of={of} />;
        }}
      </Loaded>
    </main>
  );
}

function Repository({ of }: { of: Schemas['ListedRepository'] }) {
  const check = useCheck(of.name);
  const begin = useBeginCheck(of.name);
  const may = useMay('operator');
  const running = begin.isPending || check.data?.state === 'running';
  useShortcut('c', 'Check the repository', may && !running ? () => begin.mutate() : null);
  return (
    <>
      <header className="repository-head">
        <div>
          <h1>
            {of.name} {check.data && <CheckBadge state={check.data.state} verdict={check.data.found?.verdict ?? null} />}
          </h1>
          <p className="quiet">
            <code>{of.remote}</code> · {of.base_branch}
          </p>
        </div>
        {may && (
          <div className="buttons">
            <button type="button" className="button" title="Check the repository (c)" disabled={running} onClick={() => begin.mutate()}>
              {begin.isPending ? 'Looking at it…' : check.data?.state === 'never' ? 'Check it' : 'Check again'}
            </button>
            <Link className="button button-primary" to={`/new?repository=${encodeURIComponent(of.name)}`}>
              New change request
            </Link>
          </div>
        )}
      </header>
      {begin.error && <Problem error={begin.error} />}
      <Loaded query={check} what="the check">
        {(found) => <Stand check={found} />}
      </Loaded>
    </>
  );
}

/** How the check stands, then what was found last. */
function Stand({ check }: { check: Check }) {
  return (
    <>
      {check.state === 'never' && (
        <Empty title="It was not checked yet.">
          <span>A check builds its environment and runs its suite twice in a clean tree. It asks no model and writes nothing to the repository.</span>
        </Empty>
      )}
      {check.state === 'running' && <Steps check={check} />}
      {(check.state === 'interrupted' || check.state === 'failed' || check.state === 'cancelled') && (
        <section className="banner" aria-label="The last check">
          <h2>{check.state === 'interrupted' ? 'The last check was interrupted' : check.state === 'failed' ? 'The last check came to nothing' : 'The last check was stopped'}</h2>
          <p>{check.state === 'interrupted' ? 'What carried it out is gone. Check again.' : check.message}</p>
        </section>
      )}
      {check.found && <Found found={check.found} at={check.state === 'done' ? (check.finished_at ?? null) : null} />}
    </>
  );
}

function Found({ found, at }: { found: Schemas['RepositorySurvey']; at: string | null }) {
  return (
    <>
      <p className="quiet repository-when">
        {at === null ? 'Found by the check before: ' : <>Checked <Ago at={at} />, </>}
        <code>{short(found.base_commit)}</code> on {found.base_branch}, in {duration(found.took_s)}.
      </p>
      {found.trouble && <TroubleNote trouble={found.trouble} />}
      {found.components.map((component) => (
        <ComponentCard key={component.root} of={component} alone={found.components.length === 1} />
      ))}
      <Remarks remarks={found.remarks} />
      {found.starting_file !== '' && (
        <section className="survey survey-more" aria-label="A file to start with">
          <details>
            <summary>
              A first <code>.changeline/repository.yaml</code>, to correct and commit
            </summary>
            <pre className="code scroll" tabIndex={0}>
              {found.starting_file}
            </pre>
          </details>
        </section>
      )}
    </>
  );
}

function Remarks({ remarks }: { remarks: Schemas['Remark'][] }) {
  if (remarks.length === 0) return null;
  return (
    <section className="survey" aria-label="Good to know">
      <h2>Good to know before a change</h2>
      <ul className="survey-remarks">
        {remarks.map((one) => (
          <li key={one.message}>
            <p>{one.message}</p>
            {one.remedy !== '' && <p className="remark">{one.remedy}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}
