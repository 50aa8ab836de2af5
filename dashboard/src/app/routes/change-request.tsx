import { useNavigate, useParams, useSearchParams } from 'react-router';

import { barred, ReleaseCards, StaleRelease } from '@/app/routes/gates';
import { Tabs } from '@/app/routes/tabs';
import { Loaded } from '@/components/loaded';
import { buttonsOf, mayCleanUp } from '@/features/change-request/actions';
import { useChangeRequest, type Detail } from '@/features/change-request/api/get-change-request';
import { useEvents } from '@/features/change-request/api/get-events';
import { Cleanup } from '@/features/change-request/cleanup';
import { CommentTray } from '@/features/change-request/comment-tray';
import { DecisionScreen } from '@/features/change-request/decision-screen';
import { nowDoing } from '@/features/change-request/event-line';
import { Header } from '@/features/change-request/header';
import { Receipts } from '@/features/change-request/receipts';
import { Say } from '@/features/change-request/say';
import { Timeline } from '@/features/change-request/stage-timeline';
import { Steering } from '@/features/change-request/steering';
import { useCost } from '@/features/evidence/api/views';
import { useDeadEffects } from '@/features/inbox/api/inbox';
import { EffectCard } from '@/features/inbox/effect-card';
import type { StoredEvent } from '@/lib/event-stream';
import { words } from '@/lib/format';
import { useMe } from '@/lib/me';
import { useShortcut } from '@/lib/shortcuts';
import { useTitle } from '@/lib/use-title';

export function ChangeRequestPage() {
  const { id = '' } = useParams();
  const detail = useChangeRequest(id);
  const events = useEvents(id);
  useTitle(detail.data ? `${detail.data.title} · Changeline` : 'Changeline');
  return (
    <main className="page">
      <Loaded query={detail} what="the change request">
        {(of) => <Loaded query={events} what="what happened">{(known) => <Everything of={of} events={known} />}</Loaded>}
      </Loaded>
    </main>
  );
}

function Everything({ of, events }: { of: Detail; events: StoredEvent[] }) {
  const navigate = useNavigate();
  const me = useMe();
  const cost = useCost(of.id);
  const costs = Object.fromEntries((cost.data?.by_stage ?? []).map((line) => [line.group['stage'] ?? '', line.spent_usd]));
  useShortcut('d', 'Show the diff', () => void navigate('?tab=diff', { replace: true }));
  useShortcut('l', 'Show the log', () => void navigate('?', { replace: true }));
  return (
    <>
      <Header of={of} />
      {of.status === 'paused' && <DecisionScreen of={of} />}
      {(of.status === 'running' || of.status === 'queued' || of.status === 'paused') && <StaleRelease id={of.id} events={events} />}
      <DeadEffectsOf id={of.id} />
      {of.status === 'waiting' && <Decisions of={of} barred={barred(of, me.data)} />}
      {(of.status === 'running' || of.status === 'queued') && <Steering of={of} doing={nowDoing(events)} />}
      {of.status === 'waiting' && <Steer of={of} />}
      {of.finished_at !== null && <Over of={of} />}
      {mayCleanUp(of.actions) && <Cleanup id={of.id} />}
      <Receipts said={of.interventions} />
      <CommentTray of={of} />
      <div className="cr-body">
        <Timeline of={of} events={events} costs={costs} />
        <Tabs of={of} events={events} />
      </div>
    </>
  );
}

/** Changes outside of this change request that only a person can settle. */
function DeadEffectsOf({ id }: { id: string }) {
  const mine = (useDeadEffects().data ?? []).filter((effect) => effect.cr_id === id);
  return mine.map((effect) => <EffectCard key={effect.id} effect={effect} />);
}

/** A decision stands on top; while one of the panes is being read it keeps to one line. */
function Decisions({ of, barred: why }: { of: Detail; barred: string | null }) {
  const [params] = useSearchParams();
  const cards = <ReleaseCards id={of.id} barred={why} />;
  if (of.gates.length === 0 || !params.has('tab')) return cards;
  return (
    <details className="over decision-folded">
      <summary>A decision waits for you: {of.gates.map((gate) => words(gate.kind)).join(', ')}</summary>
      {cards}
    </details>
  );
}

function Steer({ of }: { of: Detail }) {
  return (
    <details className="over">
      <summary>More that can be done now</summary>
      <Say of={of} />
    </details>
  );
}

function Over({ of }: { of: Detail }) {
  if (buttonsOf(of.actions).length === 0) return null;
  return (
    <details className="over">
      <summary>It is over. Begin again?</summary>
      <Say of={of} />
    </details>
  );
}
