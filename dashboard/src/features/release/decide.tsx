import { useRef, useState } from 'react';

import { Problem } from '@/components/states';
import { useDecide, type Decision, type Gate } from '@/features/release/api/gates';
import { instructionOf, useDrafts } from '@/lib/drafts';
import { useMay } from '@/lib/me';
import { useShortcut } from '@/lib/shortcuts';

const LABEL: Record<Decision['decision'], string> = {
  approve: 'Approve',
  send_back: 'Send back',
  reject: 'Reject',
};

interface Props {
  gate: Gate;
  barred: string | null;
}

/** One decision on exactly the content that is shown. */
export function Decide({ gate, barred }: Props) {
  const may = useMay('approver');
  if (!may) return <p className="quiet">Deciding needs the approver role; you may look at everything.</p>;
  return <Deciding gate={gate} barred={barred} />;
}

function Deciding({ gate, barred }: Props) {
  const decide = useDecide(gate);
  const drafts = useDrafts(gate.cr_id);
  const [comment, setComment] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  const buttons = useRef<HTMLDivElement>(null);
  const said = comment.trim();
  const missing = (decision: Decision['decision']) => (decision === 'reject' || decision === 'send_back') && said === '';
  const take = (decision: Decision['decision']) => {
    decide.mutate({ decision, content_hash: gate.content_hash, comment: said });
  };
  const toward = (decision: Decision['decision']) => {
    if (missing(decision)) field.current?.focus();
    else buttons.current?.querySelector<HTMLElement>(`[data-decision='${decision}']`)?.focus();
  };
  useShortcut('a', 'Approve (then Enter)', () => toward('approve'));
  useShortcut('r', 'Reject: say why', () => toward('reject'));
  useShortcut('e', 'Send back: say what to change', () => toward('send_back'));
  return (
    <div className="ways">
      <label className="field">
        <span>Comment (needed to send back or reject)</span>
        <textarea ref={field} rows={2} value={comment} onChange={(event) => setComment(event.target.value)} />
      </label>
      {drafts.length > 0 && (
        <button type="button" className="button button-quiet" onClick={() => setComment([comment, instructionOf(drafts)].filter(Boolean).join('\n'))}>
          Take over {drafts.length} line {drafts.length === 1 ? 'comment' : 'comments'}
        </button>
      )}
      {barred !== null && <p className="remark">{barred}</p>}
      <div className="buttons" ref={buttons}>
        {gate.decisions.map((decision) => (
          <button
            key={decision}
            type="button"
            data-decision={decision}
            className={`button ${decision === 'approve' ? 'button-primary' : decision === 'reject' ? 'button-danger' : ''}`}
            disabled={decide.isPending || missing(decision) || (decision === 'approve' && barred !== null)}
            onClick={() => take(decision)}
          >
            {LABEL[decision]}
          </button>
        ))}
        <span className="hash" title={gate.content_hash}>
          You decide on exactly this content: <code>{gate.content_hash.replace('sha256:', '').slice(0, 16)}</code>
        </span>
      </div>
      {decide.error && <Problem error={decide.error} />}
    </div>
  );
}
