import { useState } from 'react';

import { Problem } from '@/components/states';
import { buttonsOf, type Way } from '@/features/change-request/actions';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { useIntervene } from '@/features/change-request/api/intervene';
import type { Schemas } from '@/lib/api';
import { STAGES, stageLabel } from '@/lib/vocabulary';

type Stage = Schemas['Stage'];

/** Instructions and everything that a person can do now; the controller says what that is. */
export function Say({ of }: { of: Detail }) {
  const intervene = useIntervene(of.id);
  const [text, setText] = useState('');
  const [stage, setStage] = useState<Stage>(of.stage ?? 'intake');
  const ways = buttonsOf(of.actions);
  const act = (way: Way) => {
    const instructions = text.trim();
    const from = way.mode === 'stage' ? { stage } : {};
    const mode = way.mode === null ? {} : { mode: way.mode };
    intervene.mutate({ action: way.action, instructions, ...mode, ...from }, { onSuccess: () => setText('') });
  };
  if (ways.length === 0) return null;
  return (
    <div className="ways">
      <label className="field">
        <span>Instructions for the agents, or your reason</span>
        <textarea rows={2} value={text} onChange={(event) => setText(event.target.value)} />
      </label>
      <div className="buttons">
        {ways.map((way) => (
          <span key={way.label} className="way">
            <WayButton way={way} act={act} disabled={intervene.isPending || (way.needsText && text.trim() === '')} />
            {way.mode === 'stage' && <StageChoice of={of} stage={stage} choose={setStage} />}
          </span>
        ))}
      </div>
      {intervene.error && <Problem error={intervene.error} />}
      {intervene.data && (
        <p role="status" className="quiet">
          {intervene.data.message} ({intervene.data.status})
        </p>
      )}
    </div>
  );
}

function StageChoice({ of, stage, choose }: { of: Detail; stage: Stage; choose: (stage: Stage) => void }) {
  const reached = STAGES.findIndex(([name]) => name === of.stage);
  return (
    <label className="inline-field">
      <span>from</span>
      <select value={stage} onChange={(event) => choose(event.target.value as Stage)}>
        {STAGES.slice(0, reached + 1).map(([name]) => (
          <option key={name} value={name}>
            {stageLabel(name)}
          </option>
        ))}
      </select>
    </label>
  );
}

interface ButtonProps {
  way: Way;
  act: (way: Way) => void;
  disabled: boolean;
}

/** What cannot be taken back takes a second, deliberate press. */
function WayButton({ way, act, disabled }: ButtonProps) {
  const [sure, setSure] = useState(false);
  const look = way.final ? 'button button-danger' : way.first ? 'button button-primary' : 'button';
  return (
    <button
      type="button"
      className={look}
      title={way.explanation}
      disabled={disabled}
      onBlur={() => setSure(false)}
      onClick={() => (way.final && !sure ? setSure(true) : act(way))}
    >
      {sure ? `Press again: ${way.label.toLowerCase()} for good` : way.label}
    </button>
  );
}
