import { useState } from 'react';

import { Problem } from '@/components/states';
import { useDecide, useOpenGates, type Decision, type Gate } from '@/features/release/api/gates';
import { shownBy } from '@/features/release/content';
import { short, words } from '@/lib/format';

/** The decisions that wait for a person on one change request; nothing when none does. */
export function ReleaseCards({ id }: { id: string }) {
  const gates = useOpenGates(id);
  return gates.data?.map((gate) => <ReleaseCard key={`${gate.id}:${gate.content_hash}`} gate={gate} />);
}

function ReleaseCard({ gate }: { gate: Gate }) {
  const shown = shownBy(gate.content);
  return (
    <section className="card" aria-label={`Decision: ${words(gate.kind)}`}>
      <h2>{words(gate.kind)}: your decision</h2>
      {shown.summary !== '' && <p className="lead">{shown.summary}</p>}
      {shown.why !== '' && <p>{shown.why}</p>}
      <ul className="changes">
        {shown.changes.map((change) => (
          <li key={change.name}>
            <strong>{change.name}</strong> {change.size}, <code>{short(change.base)}</code> → <code>{short(change.head)}</code> into{' '}
            <code>{change.target}</code>
          </li>
        ))}
      </ul>
      <dl className="proof">
        {shown.proof.map(([name, sentence]) => (
          <div key={name}>
            <dt>{words(name)}</dt>
            <dd>{sentence}</dd>
          </div>
        ))}
      </dl>
      <Decide gate={gate} />
    </section>
  );
}

function Decide({ gate }: { gate: Gate }) {
  const decide = useDecide(gate);
  const [comment, setComment] = useState('');
  const said = comment.trim();
  const answer = (decision: Decision['decision']) => () =>
    decide.mutate({ decision, content_hash: gate.content_hash, comment: said });
  return (
    <div className="ways">
      <label className="field">
        <span>Comment (needed to send back or reject)</span>
        <textarea rows={2} value={comment} onChange={(event) => setComment(event.target.value)} />
      </label>
      <div className="buttons">
        <button type="button" className="button button-primary" disabled={decide.isPending} onClick={answer('approve')}>
          Approve
        </button>
        <button type="button" className="button" disabled={decide.isPending || said === ''} onClick={answer('send_back')}>
          Send back
        </button>
        <button type="button" className="button button-danger" disabled={decide.isPending || said === ''} onClick={answer('reject')}>
          Reject
        </button>
        <span className="hash" title={gate.content_hash}>
          You decide on exactly this content: <code>{gate.content_hash.slice(0, 16)}</code>
        </span>
      </div>
      {decide.error && <Problem error={decide.error} />}
    </div>
  );
}
