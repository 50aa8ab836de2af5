import { Ago } from '@/components/ago';
import { Badge } from '@/components/badge';
import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useTests } from '@/features/evidence/api/views';
import { short } from '@/lib/format';

/** Runs that the pipeline made itself, in a clean checkout. No agent's word is among them. */
export function TestsView({ id }: { id: string }) {
  return (
    <Loaded query={useTests(id)} what="test runs">
      {(runs) =>
        runs.length === 0 ? (
          <Empty title="No test run yet." />
        ) : (
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
              {runs.map((run, index) => (
                <tr key={index}>
                  <td>
                    <strong>{run.purpose}</strong> <span className="quiet">{run.repository}</span>
                    <div className="quiet">{run.summary}</div>
                  </td>
                  <td>
                    <Badge tone={run.ok ? 'good' : 'bad'}>{run.ok ? 'holds' : 'does not hold'}</Badge>
                  </td>
                  <td className="number">{run.passed}</td>
                  <td className="number">{run.failed}</td>
                  <td className="number">{run.skipped}</td>
                  <td>
                    <code>{short(run.commit)}</code>
                  </td>
                  <td>
                    <Ago at={run.at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )
      }
    </Loaded>
  );
}
