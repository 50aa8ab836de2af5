import { useParams } from 'react-router';

import { Tabs } from '@/app/routes/tabs';
import { Loaded } from '@/components/loaded';
import { useChangeRequest, type Detail } from '@/features/change-request/api/get-change-request';
import { useEvents } from '@/features/change-request/api/get-events';
import { nowDoing } from '@/features/change-request/event-line';
import { Header } from '@/features/change-request/header';
import { PauseBanner } from '@/features/change-request/pause-banner';
import { Say } from '@/features/change-request/say';
import { Timeline } from '@/features/change-request/stage-timeline';
import { Steering } from '@/features/change-request/steering';
import { ReleaseCards } from '@/features/release/release-card';
import type { StoredEvent } from '@/lib/event-stream';
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
  return (
    <>
      <Header of={of} />
      {of.status === 'paused' && <PauseBanner of={of} />}
      {of.status === 'waiting' && <ReleaseCards id={of.id} />}
      {(of.status === 'running' || of.status === 'queued') && <Steering of={of} doing={nowDoing(events)} />}
      {of.finished_at !== null && <Over of={of} />}
      <div className="cr-body">
        <Timeline of={of} events={events} />
        <Tabs of={of} events={events} />
      </div>
    </>
  );
}

function Over({ of }: { of: Detail }) {
  if (of.actions.length === 0) return null;
  return (
    <details className="over">
      <summary>It is over. Begin again?</summary>
      <Say of={of} />
    </details>
  );
}
