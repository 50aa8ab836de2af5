import { Link } from 'react-router';

import { Ago } from '@/components/ago';
import { Badge } from '@/components/badge';
import { Loaded } from '@/components/loaded';
import { useTestLog } from '@/features/evidence/api/test-log';
import { casesOf, failuresOf, type Case } from '@/features/evidence/report';
import type { Schemas } from '@/lib/api';
import { bytes, short, words } from '@/lib/format';

type Run = Schemas['TestRunView'];

/** Failures beyond this many begin closed, so that the log is not far away. */
const OPEN_MAX = 3;

/** Everything that one test run printed, with what failed before it. */
export function LogView({ id, runId, run }: { id: string; runId: string; run: Run | undefined }) {
  return (
    <>
      <div className="pane-head">
        {run === undefined ? <h3>Log of a test run</h3> : <Heading run={run} />}
        <span className="buttons">
          <Link to="?tab=tests">All test runs</Link>
          <a className="button" href={`/api/v1/change-requests/${id}/tests/${runId}/log.txt`} download>
            Download the log
          </a>
        </span>
      </div>
      {run !== undefined && <Failures failures={failuresOf(casesOf(run.report))} />}
      <Log id={id} runId={runId} />
    </>
  );
}

function Heading({ run }: { run: Run }) {
  return (
    <h3>
      Log: {words(run.purpose)} of {run.repository} <Badge tone={run.ok ? 'good' : 'bad'}>{run.ok ? 'holds' : 'does not hold'}</Badge>{' '}
      <span className="quiet">
        <code>{short(run.commit)}</code>, <Ago at={run.created_at} />
      </span>
    </h3>
  );
}

function Failures({ failures }: { failures: Case[] }) {
  if (failures.length === 0) return null;
  return (
    <section aria-label="What failed">
      <h3>What failed</h3>
      <ul className="failures">
        {failures.map((test, index) => (
          <li key={test.id}>
            <details open={index < OPEN_MAX}>
              <summary>
                <code>{test.id}</code>
              </summary>
              <pre className="code" tabIndex={0}>
                {test.tail || test.message || 'The runner gave no reason.'}
              </pre>
            </details>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Log({ id, runId }: { id: string; runId: string }) {
  return (
    <Loaded query={useTestLog(id, runId)} what="the log">
      {(pages) => (
        <section>
          <h3>
            What the run printed <span className="quiet">{bytes(pages[0]?.size_bytes ?? 0)}</span>
          </h3>
          {pages[0] !== undefined && pages[0].note !== '' && (
            <p className="state" role="note">
              {pages[0].note}
            </p>
          )}
          {pages[0]?.cut === true && <p className="quiet">The run printed more than is kept of one; the log says where its middle is left out.</p>}
          {(pages[0]?.size_bytes ?? 0) > 0 && (
            <pre className="code log" tabIndex={0} role="region" aria-label="Log">
              {pages.map((page) => (
                <code key={page.offset} className="log-part">
                  {page.text}
                </code>
              ))}
            </pre>
          )}
        </section>
      )}
    </Loaded>
  );
}
