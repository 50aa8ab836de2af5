import { useState } from 'react';
import { Link } from 'react-router';

import { Problem } from '@/components/states';
import { useSettleEffect, type Effect } from '@/features/inbox/api/inbox';
import { words } from '@/lib/format';
import { useMay } from '@/lib/me';

/** A change outside whose outcome only a person can settle. */
export function EffectCard({ effect }: { effect: Effect }) {
  const [sure, setSure] = useState(false);
  const settle = useSettleEffect();
  const may = useMay('operator');
  return (
    <section className="card" aria-label={`Effect: ${words(effect.kind)}`}>
      <h2>
        {words(effect.kind)} {effect.repository}
      </h2>
      <p>
        Of <Link to={`/change-requests/${effect.cr_id}`}>{effect.cr_id}</Link>: {effect.error || 'Its outcome is not known.'}
      </p>
      <p className="quiet">{effect.tries} tries. Retry once the cause is gone; dismiss it if it is done or no longer wanted.</p>
      <pre className="code">{JSON.stringify(effect.payload, null, 2)}</pre>
      {may ? (
        <div className="buttons">
          <button type="button" className="button button-primary" disabled={settle.isPending} onClick={() => settle.mutate({ id: effect.id, how: 'retry' })}>
            Retry
          </button>
          <button type="button" className="button button-danger" disabled={settle.isPending} onBlur={() => setSure(false)} onClick={() => (sure ? settle.mutate({ id: effect.id, how: 'dismiss' }) : setSure(true))}>
            {sure ? 'Press again: dismiss for good' : 'Dismiss'}
          </button>
        </div>
      ) : (
        <p className="quiet">Settling this needs the operator role.</p>
      )}
      {settle.error && <Problem error={settle.error} />}
    </section>
  );
}
