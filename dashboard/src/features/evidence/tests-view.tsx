import { Ago } from '@/components/ago';
import { Badge } from '@/components/badge';
import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useTests } from '@/features/evidence/api/views';
import { casesOf, countsOf, failuresOf } from '@/features/evidence/report';
import type { Schemas } from '@/lib/api';
import { short, words } from '@/lib/format';

type Run = Schemas['TestRunView'];

/** Runs that the pipeline made itself, in a clean checkout. No agent's word is among them. */
export function TestsView({ id }: { id: string }) {
  return (
    <Loaded query={useTests(id)} what="test runs">
      {({ items }) => (items.length === 0 ? <Empty title="No test run yet." /> : <Runs runs={items} />)}
    </Loaded>
  );
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
                <li key={test}>
                  <code>{test}</code>
                </li>
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
    </tr>
  );
}
