import { Ago } from '@/components/ago';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { words } from '@/lib/format';

type Said = Detail['interventions'][number];

const STEPS = ['queued', 'delivered', 'acted on'] as const;
const SHOWN_MAX = 1;

/** How far what people said has got: the newest, and everything that is not acted on yet. The rest is history. */
export function Receipts({ said }: { said: Said[] }) {
  const newest = said.toReversed().filter((one, index) => index < SHOWN_MAX || one.acted_at === null);
  if (newest.length === 0) return null;
  return (
    <section className="receipts" aria-label="Receipts" aria-live="polite">
      <ul>
        {newest.map((one) => (
          <li key={one.id} className="receipt">
            <strong>{words(one.action)}</strong>
            <span className="receipt-text">{textOf(one)}</span>
            <ol className="receipt-steps">
              {STEPS.map((step, index) => (
                <li key={step} className={index <= reached(one) ? 'reached' : ''} aria-current={index === reached(one) ? 'step' : undefined}>
                  {step}
                  {step === 'delivered' && one.delivered_turn !== null && ` at turn ${one.delivered_turn}`}
                </li>
              ))}
            </ol>
            <span className="quiet">
              {one.actor}, <Ago at={one.created_at} />
            </span>
            {one.note !== '' && <span className="quiet">{one.note}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function reached(one: Said): number {
  if (one.acted_at !== null || one.status === 'acted') return 2;
  return one.delivered_at !== null || one.status === 'delivered' ? 1 : 0;
}

function textOf(one: Said): string {
  const text = one.body['instructions'];
  return typeof text === 'string' ? text : '';
}
