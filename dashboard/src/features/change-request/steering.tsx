import type { Detail } from '@/features/change-request/api/get-change-request';
import { Say } from '@/features/change-request/say';

/** What it does now, and steering it: said now, read by the agent at its next turn, receipted in the activity. */
export function Steering({ of, doing }: { of: Detail; doing: string | null }) {
  return (
    <section className="steering" aria-label="Steering">
      <p className="doing">
        <span className="pulse" aria-hidden="true" />
        <span>{of.status === 'queued' ? 'Waiting for a worker' : (doing ?? 'Starting…')}</span>
      </p>
      <details>
        <summary>Steer</summary>
        <Say of={of} />
      </details>
    </section>
  );
}
