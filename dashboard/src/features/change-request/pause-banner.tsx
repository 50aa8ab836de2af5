import { useState } from 'react';

import { Problem } from '@/components/states';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { useIntervene } from '@/features/change-request/api/intervene';
import type { Schemas } from '@/lib/api';
import { words } from '@/lib/format';
import { PAUSE, STAGES } from '@/lib/vocabulary';

/** A dead end explained: why it stopped, with the facts, and the ways to go on. */
export function PauseBanner({ of }: { of: Detail }) {
  const reason = of.pause_reason ?? 'internal_error';
  return (
    <section className="banner" aria-label="Paused">
      <h2>{PAUSE[reason].title}</h2>
      {of.pause_message !== '' && <p>{of.pause_message}</p>}
      <Facts facts={of.pause_facts} />
      <p className="quiet">{PAUSE[reason].next}</p>
      <WaysOn of={of} />
    </section>
  );
}

function Facts({ facts }: { facts: Detail['pause_facts'] }) {
  const known = Object.entries(facts).filter(([, value]) => value !== null && value !== '');
  if (known.length === 0) return null;
  return (
    <dl className="facts">
      {known.map(([name, value]) => (
        <div key={name}>
          <dt>{words(name)}</dt>
          <dd>{Array.isArray(value) ? value.map((item) => <code key={String(item)}>{String(item)}</code>) : String(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function WaysOn({ of }: { of: Detail }) {
  const intervene = useIntervene(of.id);
  const [instructions, setInstructions] = useState('');
  const [from, setFrom] = useState<Schemas['Stage'] | ''>('');
  const said = instructions.trim() === '' ? {} : { instructions: instructions.trim() };
  return (
    <form
      className="ways"
      onSubmit={(event) => {
        event.preventDefault();
        intervene.mutate({ ...(from === '' ? { action: 'resume' } : { action: 'rerun', from_stage: from }), ...said });
      }}
    >
      <label className="field">
        <span>Instructions for the agents (optional)</span>
        <textarea rows={2} value={instructions} onChange={(event) => setInstructions(event.target.value)} />
      </label>
      <div className="buttons">
        <button type="submit" className="button button-primary" disabled={intervene.isPending}>
          {from === '' ? 'Resume' : 'Restart'}
        </button>
        <label className="inline-field">
          <span>from</span>
          <select value={from} onChange={(event) => setFrom(event.target.value as Schemas['Stage'] | '')}>
            <option value="">where it stopped</option>
            {STAGES.map(([stage, label]) => (
              <option key={stage} value={stage}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <CancelButton cancel={() => intervene.mutate({ action: 'cancel', ...said })} disabled={intervene.isPending} />
      </div>
      {intervene.error && <Problem error={intervene.error} />}
      {intervene.data && <p role="status">Received: {intervene.data.action}, {intervene.data.status}.</p>}
    </form>
  );
}

/** Ending a change request takes a second, deliberate press. */
function CancelButton({ cancel, disabled }: { cancel: () => void; disabled: boolean }) {
  const [sure, setSure] = useState(false);
  return (
    <button
      type="button"
      className="button button-danger"
      disabled={disabled}
      onBlur={() => setSure(false)}
      onClick={() => (sure ? cancel() : setSure(true))}
    >
      {sure ? 'Press again to cancel it for good' : 'Cancel change request'}
    </button>
  );
}
