import { useRef, useState } from 'react';

import { Problem } from '@/components/states';
import { buttonsOf, type Way } from '@/features/change-request/actions';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { useIntervene } from '@/features/change-request/api/intervene';
import { WayButton } from '@/features/change-request/way-button';
import type { Schemas } from '@/lib/api';
import { useMay } from '@/lib/me';
import { useShortcut } from '@/lib/shortcuts';
import { STAGES } from '@/lib/vocabulary';

type Stage = Schemas['Stage'];

/** Instructions and everything that a person can do now; the controller says what that is. */
export function Say({ of }: { of: Detail }) {
  const may = useMay('operator');
  if (buttonsOf(of.actions).length === 0) return null;
  if (!may) return <p className="quiet">You may watch. Steering needs the operator role.</p>;
  return <Saying of={of} />;
}

function Saying({ of }: { of: Detail }) {
  const intervene = useIntervene(of.id);
  const [text, setText] = useState('');
  const [repository, setRepository] = useState('');
  const [chosen, setStage] = useState<Stage | null>(null);
  const stage = chosen ?? of.stage;
  const [amount, setAmount] = useState(() => String(Math.ceil(Number(of.budget_usd) * 1.5)));
  const field = useRef<HTMLTextAreaElement>(null);
  const ways = buttonsOf(of.actions, of.pause?.reason);
  const act = (way: Way) => {
    const more = {
      ...(way.mode !== null && { mode: way.mode }),
      ...(way.needs === 'stage' && stage !== null && { stage }),
      ...(way.needs === 'amount' && { budget_usd: amount }),
      ...(repository !== '' && { repository }),
    };
    intervene.mutate({ action: way.action, instructions: text.trim(), ...more }, { onSuccess: () => setText('') });
  };
  const pause = ways.find((way) => way.action === 'pause');
  useShortcut('p', 'Pause', pause ? () => act(pause) : null);
  useShortcut('s', 'Steer: say something', () => field.current?.focus());
  const lacks = (way: Way) => (way.needs === 'text' && text.trim() === '') || (way.needs === 'amount' && !(Number(amount) > 0));
  return (
    <div className="ways">
      <label className="field">
        <span>Instructions for the agents, or your reason</span>
        <textarea ref={field} rows={2} value={text} onChange={(event) => setText(event.target.value)} />
      </label>
      {of.repositories.length > 1 && (
        <label className="inline-field">
          <span>for</span>
          <select value={repository} onChange={(event) => setRepository(event.target.value)}>
            <option value="">all repositories</option>
            {of.repositories.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
          </select>
        </label>
      )}
      <div className="buttons">
        {ways.map((way) => (
          <span key={`${way.action}-${way.mode ?? ''}`} className="way">
            <WayButton way={way} act={act} disabled={intervene.isPending || lacks(way)} />
            {way.needs === 'stage' && stage !== null && <StageChoice of={of} stage={stage} choose={setStage} />}
            {way.needs === 'amount' && (
              <label className="inline-field">
                <span>to $</span>
                <input className="input amount" inputMode="decimal" value={amount} onChange={(event) => setAmount(event.target.value)} />
              </label>
            )}
          </span>
        ))}
      </div>
      {intervene.error && <Problem error={intervene.error} />}
      <p role="status" className="quiet said">
        {intervene.data && `${intervene.data.message} (${intervene.data.status})`}
      </p>
    </div>
  );
}

function StageChoice({ of, stage, choose }: { of: Detail; stage: Stage; choose: (stage: Stage) => void }) {
  const reached = STAGES.findIndex((one) => one.stage === of.stage);
  return (
    <label className="inline-field">
      <span>from</span>
      <select value={stage} onChange={(event) => choose(event.target.value as Stage)}>
        {STAGES.slice(0, reached + 1).map((one) => (
          <option key={one.stage} value={one.stage}>
            {one.label}
          </option>
        ))}
      </select>
    </label>
  );
}
