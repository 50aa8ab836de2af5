import { Link, useSearchParams } from 'react-router';

import { Ago } from '@/components/ago';
import { Badge } from '@/components/badge';
import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useTests } from '@/features/evidence/api/views';
import { LogView } from '@/features/evidence/log-view';
import { casesOf, countsOf, failuresOf, witnessesOf, type Case, type Witness } from '@/features/evidence/report';
import type { Schemas } from '@/lib/api';
import { grouped } from '@/lib/grouped';
import { short, words } from '@/lib/format';

type Run = Schemas['TestRunView'];

/** Runs that the pipeline made itself, in a clean checkout. No agent's word is among them. */
export function TestsView({ id }: { id: string }) {
  const [params] = useSearchParams();
  const chosen = params.get('run');
  const runs = useTests(id);
  if (chosen !== null) return <LogView id={id} runId={chosen} run={runs.data?.items.find((run) => run.id === chosen)} />;
  return (
    <Loaded query={runs} what="test runs">
      {({ items }) => (items.length === 0 ? <Empty title="No test run yet." /> : <Proofs runs={items} />)}
    </Loaded>
  );
}

function Proofs({ runs }: { runs: Run[] }) {
  const repositories = grouped(runs, (run) => run.repository);
  return (
    <>
      {repositories.map(([repository, own]) => (
        <Witnesses key={repository} repository={repository} witnesses={witnessesOf(own)} />
      ))}
      <section>
        <h3>Runs</h3>
        <div className="scroll" tabIndex={0} role="group" aria-label="Test runs">
          <Runs runs={runs} />
        </div>
      </section>
    </>
  );
}

function Witnesses({ repository, witnesses }: { repository: string; witnesses: Witness[] }) {
  if (witnesses.length === 0) return null;
  return (
    <section>
      <h3>Witnesses in {repository}</h3>
      <p className="quiet">Each scenario of a change has tests that fail without the change and pass with it.</p>
      <ul className="witnesses">
        {witnesses.map((witness) => (
          <li key={witness.scenario}>
            <details>
              <summary>
                <strong>{witness.scenario}</strong>{' '}
                <Badge tone={proven(witness) ? 'good' : 'bad'}>{proven(witness) ? 'red → green' : 'not proven'}</Badge>{' '}
                <span className="quiet">{witness.tests.length === 1 ? '1 test' : `${witness.tests.length} tests`}</span>
              </summary>
              <ul>
                {witness.tests.map((test) => (
                  <li key={test.id}>
                    <code>{test.id}</code>
                    <p className="quiet">{test.why}</p>
                  </li>
                ))}
              </ul>
            </details>
          </li>
        ))}
      </ul>
    </section>
  );
}

function proven(witness: Witness): boolean {
  return witness.tests.length > 0 && witness.tests.every((test) => test.green);
}

function Runs({ runs }: { runs: Run[] }) {
  return (
    <table className="table">
      <thead>
        <tr>
          <th>Proof</th>
          <th>Verdict</th>
          <th className="number">Passed</th>
          <th className="number">Failed</th>
          <th className="number">Skipped</th>
          <th>Commit</th>
          <th>When</th>
          <th>Output</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <Row key={run.id} run={run} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ run }: { run: Run }) {
  const cases = casesOf(run.report);
  const { passed, failed, skipped } = countsOf(cases);
  const failures = failuresOf(cases);
  return (
    <tr>
      <td>
        <strong>{words(run.purpose)}</strong> <span className="quiet">{run.repository}</span>
        {failures.length > 0 && (
          <details>
            <summary className="quiet">what failed</summary>
            <ul>
              {failures.map((test) => (
                <Failure key={test.id} test={test} />
              ))}
            </ul>
          </details>
        )}
      </td>
      <td>
        <Badge tone={run.ok ? 'good' : 'bad'}>{run.ok ? 'holds' : 'does not hold'}</Badge>
      </td>
      <td className="number">{passed}</td>
      <td className="number">{failed}</td>
      <td className="number">{skipped}</td>
      <td>
        <code>{short(run.commit)}</code>
      </td>
      <td>
        <Ago at={run.created_at} />
      </td>
      <td>
        <Link to={`?tab=tests&run=${run.id}`} aria-label={`Whole log of ${words(run.purpose)} of ${run.repository}`}>
          Whole log
        </Link>
      </td>
    </tr>
  );
}

function Failure({ test }: { test: Case }) {
  if (test.tail === '') return <li><code>{test.id}</code></li>;
  return (
    <li>
      <details>
        <summary>
          <code>{test.id}</code>
        </summary>
        <pre className="code">{test.tail}</pre>
      </details>
    </li>
  );
}
