import { Problem } from '@/components/states';
import { Say } from '@/features/change-request/say';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { words } from '@/lib/format';
import { PAUSE } from '@/lib/vocabulary';

/** A dead end explained: why it stopped, with the facts, and the ways to go on. */
export function PauseBanner({ of }: { of: Detail }) {
  if (of.pause === null) return <Problem error={new Error('Paused, but the controller gave no reason.')} />;
  const { reason, message, facts } = of.pause;
  return (
    <section className="banner" aria-label="Paused">
      <h2>{PAUSE[reason].title}</h2>
      {message !== '' && <p>{message}</p>}
      {of.takeover === null ? <Facts facts={facts} /> : <TakenOver takeover={of.takeover} />}
      <p>{PAUSE[reason].next}</p>
      <Say of={of} />
    </section>
  );
}

/** The branches of a change request that a person took over, with the commands to type. */
function TakenOver({ takeover }: { takeover: NonNullable<Detail['takeover']> }) {
  return (
    <dl className="facts">
      {takeover.repositories.map((one) => (
        <div key={one.name}>
          <dt>{`${one.name}: ${one.branch}`}</dt>
          <dd>{one.status === 'done' ? <code>{one.commands.join(' && ')}</code> : one.message || 'It is being published.'}</dd>
        </div>
      ))}
    </dl>
  );
}

function Facts({ facts }: { facts: Record<string, unknown> }) {
  const known = Object.entries(facts).filter(([, value]) => value !== null && value !== '');
  if (known.length === 0) return null;
  return (
    <dl className="facts">
      {known.map(([name, value]) => (
        <div key={name}>
          <dt>{words(name)}</dt>
          <dd>{Array.isArray(value) ? value.map((item) => <code key={String(item)}>{String(item)}</code>) : plain(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
