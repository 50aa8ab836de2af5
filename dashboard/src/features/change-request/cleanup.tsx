import { useState } from 'react';

import { Loaded } from '@/components/loaded';
import { Problem } from '@/components/states';
import { useCleanUp, useCleanup, type Artifact, type Choice } from '@/features/change-request/api/cleanup';
import { words } from '@/lib/format';
import { useMay } from '@/lib/me';

/** Choices with a word of warning. */
const TOLD_ABOUT: readonly Choice[] = ['delete', 'report'];

/** What a finished change request leaves outside, and what becomes of each piece. Open until somebody decided; nothing happens that nobody chose. */
export function Cleanup({ id }: { id: string }) {
  const cleanup = useCleanup(id);
  const [open, setOpen] = useState<boolean | null>(null);
  return (
    <details className="over" open={open ?? cleanup.data?.pending ?? false} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>What is left outside, and cleaning up</summary>
      <section className="card" aria-label="Cleanup">
        <Loaded query={cleanup} what="what is left">
          {({ artifacts }) => (artifacts.length === 0 ? <p>Nothing is left outside.</p> : <Choices id={id} artifacts={artifacts} />)}
        </Loaded>
      </section>
    </details>
  );
}

function Choices({ id, artifacts }: { id: string; artifacts: Artifact[] }) {
  const [chosen, setChosen] = useState<Record<string, Choice>>({});
  const cleanUp = useCleanUp(id);
  const may = useMay('operator');
  const open = artifacts.filter((one) => one.options.length > 0);
  const choiceOf = (one: Artifact) => chosen[one.id] ?? one.default;
  const decisions = open.map((one) => ({ artifact: one.id, choice: choiceOf(one) }));
  return (
    <>
      <ul className="cleanup">
        {artifacts.map((one) => (
          <li key={one.id}>
            <strong>{words(one.kind)}</strong> <code>{one.name}</code>{one.repository !== null && ` in ${one.repository}`} <span className="quiet">{words(one.state)}</span>
            {one.options.length > 0 && (
              <select aria-label={`What becomes of ${one.name}`} disabled={!may} value={choiceOf(one)} onChange={(event) => setChosen({ ...chosen, [one.id]: event.target.value as Choice })}>
                {one.options.map((option) => (
                  <option key={option}>{option}</option>
                ))}
              </select>
            )}
            {TOLD_ABOUT.includes(choiceOf(one)) && one.warning !== '' && <p className="remark">{one.warning}</p>}
          </li>
        ))}
      </ul>
      {open.length > 0 && may && (
        <div className="buttons">
          <button type="button" className="button button-primary" disabled={cleanUp.isPending} onClick={() => cleanUp.mutate({ decisions, dismiss: false, comment: '' })}>
            Do exactly this
          </button>
          <button type="button" className="button" disabled={cleanUp.isPending} onClick={() => cleanUp.mutate({ decisions: [], dismiss: true, comment: '' })}>
            Put it off
          </button>
        </div>
      )}
      {cleanUp.error && <Problem error={cleanUp.error} />}
    </>
  );
}
