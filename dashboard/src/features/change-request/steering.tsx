import type { Detail } from '@/features/change-request/api/get-change-request';
import { Say } from '@/features/change-request/say';

/** What it does now, and steering it: said now, read by the agent at once, receipted below. */
export function Steering({ of, doing }: { of: Detail; doing: string | null }) {
  const waiting = of.status === 'queued' ? 'Waiting for a worker' : (doing ?? 'Starting…');
  return (
    <section className="steering" aria-label="Steering">
      {of.status !== 'waiting' && (
        <p className="doing">
          <span className="pulse" aria-hidden="true" />
          <span>{waiting}</span>
        </p>
      )}
      <Say of={of} />
    </section>
  );
}
