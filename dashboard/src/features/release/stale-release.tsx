import { Badge } from '@/components/badge';
import { useRebases } from '@/features/release/api/rebases';
import { BaseMoves } from '@/features/release/moves';
import { staleIn, type Stale } from '@/features/release/stale';
import type { StoredEvent } from '@/lib/event-stream';
import { short } from '@/lib/format';
import type { Tone } from '@/lib/vocabulary';

const STANDING: Record<Stale['standing'], [string, Tone, string]> = {
  open: ['in question', 'attention', 'It holds if the rebase goes without conflicts and everything is proven again; otherwise it is void and somebody is asked anew.'],
  holds: ['holds', 'good', 'The rebase went without conflicts and everything was proven again on the new base.'],
  void: ['void', 'attention', 'The change is not the one that was approved any more; the decision is asked for again.'],
};

/** An approved release whose base branch moved: the automatic rebase, and what becomes of the approval. */
export function StaleRelease({ id, events }: { id: string; events: readonly StoredEvent[] }) {
  const stale = staleIn(events);
  const rebases = useRebases(id, stale !== null);
  if (stale === null) return null;
  const [word, tone, meaning] = STANDING[stale.standing];
  return (
    <section className="card" aria-label="The base branch moved">
      <h2>The base branch moved after the approval</h2>
      <p>It is rebased by itself: {stale.why}.</p>
      <p className="voided">
        <Badge tone={tone}>{word}</Badge> The approval of {stale.by} for <code>{short(stale.hash.replace('sha256:', ''))}</code>. {meaning}
      </p>
      {rebases.data && rebases.data.length > 0 && <BaseMoves moves={rebases.data} />}
    </section>
  );
}
