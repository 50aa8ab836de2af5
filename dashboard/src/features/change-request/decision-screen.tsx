import { Link } from 'react-router';

import { Problem } from '@/components/states';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { useCourse } from '@/features/change-request/api/get-events';
import { flagsIn, marked } from '@/features/change-request/flags';
import { Say } from '@/features/change-request/say';
import { Badge } from '@/components/badge';
import { words } from '@/lib/format';
import { shown } from '@/lib/json';
import { PAUSE, stageLabel } from '@/lib/vocabulary';

/** A dead end explained: why it stopped, with the facts, and the ways to go on. The same screen for every reason. */
export function DecisionScreen({ of }: { of: Detail }) {
  if (of.pause === null) return <Problem error={new Error('Paused, but the controller gave no reason.')} />;
  const { reason, message, facts } = of.pause;
  return (
    <section className="banner" aria-label="Paused">
      <h2>{PAUSE[reason].title}</h2>
      {of.stage !== null && <p className="quiet">Stopped at {stageLabel(of.stage).toLowerCase()}.</p>}
      {message !== '' && <p>{message}</p>}
      {reason === 'input_risk' ? <Screening of={of} /> : of.takeover !== null ? <TakenOver takeover={of.takeover} /> : <Facts facts={facts} />}
      {LOOK[reason] !== undefined && (
        <p>
          <Link to={`/change-requests/${of.id}?tab=${LOOK[reason]}`}>Look at the {LOOK[reason]}</Link>
        </p>
      )}
      <p>{PAUSE[reason].next}</p>
      <Say of={of} />
    </section>
  );
}

/** Where the ground for a decision is found. */
const LOOK: Partial<Record<NonNullable<Detail['pause']>['reason'], string>> = {
  spec_loop: 'spec', spec_approval: 'spec', red_witness: 'tests', development_loop: 'tests', identical_failures: 'tests',
  tests_failed: 'tests', tampering: 'diff', review_loop: 'findings', secret_found: 'findings', diff_scope: 'diff',
  rebase_conflict: 'diff', budget: 'cost', source_changed: 'request', agent_stuck: 'conversation', model_refused: 'conversation',
};

/** The request with the suspicious passages marked. Approve by resuming; edit by submitting it anew; reject by cancelling. */
function Screening({ of }: { of: Detail }) {
  const course = useCourse(of.id);
  const flags = flagsIn(course.data?.events ?? []);
  return (
    <div className="screening">
      <ul>
        {flags.map((flag) => (
          <li key={flag.quote}>
            <Badge tone={flag.risk === 'high' ? 'bad' : 'attention'}>{flag.risk} risk</Badge> {words(flag.pattern)}
          </li>
        ))}
      </ul>
      <pre className="prose" tabIndex={0}>
        {marked(of.body, flags.map((flag) => flag.quote)).map((part, index) =>
          part.suspicious ? <mark key={index}>{part.text}</mark> : <span key={index}>{part.text}</span>,
        )}
      </pre>
      <p>
        <Link className="button" to={`/new?from=${of.id}`}>
          Edit and submit anew
        </Link>
      </p>
    </div>
  );
}

/** The branches of a change request that a person took over, with the commands to type. */
function TakenOver({ takeover }: { takeover: NonNullable<Detail['takeover']> }) {
  return (
    <dl className="facts">
      {takeover.repositories.map((one) => (
        <div key={one.name}>
          <dt>{`${one.name}: ${one.branch}`}</dt>
          <dd>{one.status === 'done' ? <code>{one.commands.join(' && ')}</code> : one.message || 'It is being published.'}</dd>
        </div>
      ))}
    </dl>
  );
}

function Facts({ facts }: { facts: Record<string, unknown> }) {
  const known = Object.entries(facts).filter(([, value]) => value !== null && value !== '');
  if (known.length === 0) return null;
  return (
    <dl className="facts">
      {known.map(([name, value]) => (
        <div key={name}>
          <dt>{words(name)}</dt>
          <dd>{Array.isArray(value) ? value.map((item) => <code key={shown(item)}>{shown(item)}</code>) : shown(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
