import { useState, type SubmitEvent } from 'react';

import { Problem } from '@/components/states';
import { TextDiff } from '@/components/text-diff';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { useIntervene } from '@/features/change-request/api/intervene';
import { textDiff } from '@/lib/diff';

/** Comparing takes time that grows with the square of the lines. */
const COMPARED_MAX_LINES = 600;

/** The text that screening stopped, to be changed. What goes on is screened again; the original stays visible. */
export function EditRequest({ of, close }: { of: Detail; close: () => void }) {
  const edit = useIntervene(of.id);
  const [title, setTitle] = useState(of.title);
  const [body, setBody] = useState(of.body);
  const changed = title.trim() !== of.title || body !== of.body;
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    edit.mutate({ action: 'edit', request: { title: title.trim(), body, revision: of.request_revision } }, { onSuccess: close });
  };
  return (
    <form className="edit-request" aria-label="Edit the request" onSubmit={send}>
      <label className="field">
        <span>Title</span>
        <input className="input" value={title} maxLength={300} required onChange={(event) => setTitle(event.target.value)} />
      </label>
      <label className="field">
        <span>The request, as it should go on</span>
        <textarea autoFocus rows={12} value={body} required onChange={(event) => setBody(event.target.value)} />
      </label>
      {body !== of.body && Math.max(body.split('\n').length, of.body.split('\n').length) <= COMPARED_MAX_LINES && (
        <TextDiff lines={textDiff(of.body, body)} label="What you change" />
      )}
      <div className="buttons">
        <button type="submit" className="button button-primary" disabled={edit.isPending || !changed || title.trim() === '' || body.trim() === ''}>
          Screen the edited text
        </button>
        <button type="button" className="button" disabled={edit.isPending} onClick={close}>
          Leave it as it is
        </button>
      </div>
      {edit.error && <Problem error={edit.error} />}
    </form>
  );
}
