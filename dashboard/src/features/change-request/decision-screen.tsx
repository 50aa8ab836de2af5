import { useRef } from 'react';
import { Link } from 'react-router';

import { PAUSE } from '@/api/pause-reasons';
import { Problem } from '@/components/states';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { Say } from '@/features/change-request/say';
import { Screening } from '@/features/change-request/screening';
import { SourceChanged } from '@/features/change-request/source-changed';
import { TakenOver } from '@/features/change-request/taken-over';
import { words } from '@/lib/format';
import { shown } from '@/lib/json';
import { stageLabel } from '@/lib/vocabulary';

/** A dead end explained: why it stopped, with the facts, and the ways to go on. The same screen for every reason. */
export function DecisionScreen({ of }: { of: Detail }) {
  const screen = useRef<HTMLElement>(null);
  if (of.pause === null) return <Problem error={new Error('Paused, but the controller gave no reason.')} />;
  const { reason, message } = of.pause;
  const { title, next, view } = PAUSE[reason];
  const toward = (action: string) => screen.current?.querySelector<HTMLElement>(`[data-action='${action}']`)?.focus();
  return (
    <section className="banner" aria-label="Paused" ref={screen}>
      <h2>{title}</h2>
      {of.stage !== null && <p className="quiet">Stopped at {stageLabel(of.stage).toLowerCase()}.</p>}
      {message !== '' && <p>{message}</p>}
      <Ground of={of} toward={toward} />
      {view !== null && (
        <p>
          <Link to={`/change-requests/${of.id}?tab=${view}`}>Look at the {view}</Link>
        </p>
      )}
      <p>{next}</p>
      <Say of={of} />
    </section>
  );
}

/** What the decision is about. */
function Ground({ of, toward }: { of: Detail; toward: (action: string) => void }) {
  if (of.pause?.reason === 'input_risk') return <Screening of={of} toward={toward} />;
  if (of.pause?.reason === 'source_changed') return <SourceChanged of={of} toward={toward} />;
  if (of.takeover !== null) return <TakenOver takeover={of.takeover} />;
  return <Facts facts={of.pause?.facts ?? {}} />;
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
