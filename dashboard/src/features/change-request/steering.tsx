import { useState } from 'react';

import { Problem } from '@/components/states';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { useIntervene } from '@/features/change-request/api/intervene';

/** Steering a running change request: said now, read by the agent at its next turn, receipted in the activity. */
export function Steering({ of, doing }: { of: Detail; doing: string | null }) {
  const intervene = useIntervene(of.id);
  const [text, setText] = useState('');
  return (
    <section className="steering" aria-label="Steering">
      <p className="doing">
        <span className="pulse" aria-hidden="true" />
        <span>{doing ?? 'Starting…'}</span>
      </p>
      <form
        className="buttons"
        onSubmit={(event) => {
          event.preventDefault();
          intervene.mutate({ action: 'redirect', instructions: text.trim() }, { onSuccess: () => setText('') });
        }}
      >
        <input
          className="input steer-input"
          aria-label="Instruction for the running agent"
          placeholder="Tell the agent something; it reads it before its next turn"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" className="button" disabled={intervene.isPending || text.trim() === ''}>
          Send
        </button>
        <button type="button" className="button" onClick={() => intervene.mutate({ action: 'pause' })}>
          Pause
        </button>
        <button type="button" className="button" onClick={() => intervene.mutate({ action: 'abort' })}>
          Abort
        </button>
      </form>
      {intervene.error && <Problem error={intervene.error} />}
    </section>
  );
}
