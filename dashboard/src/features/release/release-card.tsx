import { useState } from 'react';

import { Problem } from '@/components/states';
import { useDecide, useOpenGates, type Decision, type Gate } from '@/features/release/api/gates';
import { shownBy, type Change } from '@/features/release/content';
import { short, words } from '@/lib/format';

/** The decisions that wait for a person on one change request; nothing when none does. */
export function ReleaseCards({ id }: { id: string }) {
  const gates = useOpenGates(id);
  if (gates.error && !gates.data) return <Problem error={gates.error} retry={() => void gates.refetch()} />;
  return gates.data?.map((gate) => <ReleaseCard key={`${gate.id}:${gate.content_hash}`} gate={gate} />);
}

function ReleaseCard({ gate }: { gate: Gate }) {
  const shown = shownBy(gate.content);
  return (
    <section className="card" aria-label={`Decision: ${words(gate.kind)}`}>
      <h2>{words(gate.kind)}: your decision</h2>
      <div className="card-columns">
        <div className="card-what">
          {shown.summary !== '' && <p className="lead">{shown.summary}</p>}
          <ul className="criteria">
            {shown.criteria.map((criterion) => (
              <li key={criterion.id}>
                <code>{criterion.id}</code> {criterion.text}
              </li>
            ))}
          </ul>
          {shown.remarks.map((remark) => (
            <p key={remark} className="remark">
              {remark}
            </p>
          ))}
        </div>
        {shown.changes.map((change) => (
          <Proof key={change.name} change={change} />
        ))}
      </div>
      <Decide gate={gate} />
    </section>
  );
}

function Proof({ change }: { change: Change }) {
  return (
    <dl className="proof">
      <Row name="Change">
        <strong>{change.name}</strong>, {change.size},  <code>{short(change.base)}</code> → <code>{short(change.head)}</code> into <code>{change.target}</code>
      </Row>
      <Row name="Scenarios">{change.scenarios}</Row>
      <Row name="Suite">{change.suite}</Row>
      {change.preExisting.length > 0 && <Row name="Failed before too">{change.preExisting.join(', ')}</Row>}
      <Row name="Findings">{change.findings.length === 0 ? 'none' : change.findings.map((one) => <div key={one}>{one}</div>)}</Row>
    </dl>
  );
}

function Row({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const LABEL: Record<Decision['decision'], string> = {
  approve: 'Approve',
  send_back: 'Send back',
  reject: 'Reject',
  edit: 'Edit',
};

function Decide({ gate }: { gate: Gate }) {
  const decide = useDecide(gate);
  const [comment, setComment] = useState('');
  const said = comment.trim();
  const possible = gate.decisions.filter((decision) => decision !== 'edit');
  return (
    <div className="ways">
      <label className="field">
        <span>Comment (needed to send back or reject)</span>
        <textarea rows={2} value={comment} onChange={(event) => setComment(event.target.value)} />
      </label>
      <div className="buttons">
        {possible.map((decision) => (
          <button
            key={decision}
            type="button"
            className={`button ${decision === 'approve' ? 'button-primary' : decision === 'reject' ? 'button-danger' : ''}`}
            disabled={decide.isPending || (decision !== 'approve' && said === '')}
            onClick={() => decide.mutate({ decision, content_hash: gate.content_hash, comment: said })}
          >
            {LABEL[decision]}
          </button>
        ))}
        <span className="hash" title={gate.content_hash}>
          You decide on exactly this content: <code>{gate.content_hash.slice(0, 16)}</code>
        </span>
      </div>
      {decide.error && <Problem error={decide.error} />}
    </div>
  );
}
