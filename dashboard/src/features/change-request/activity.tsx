import { Link, useSearchParams } from 'react-router';

import { Empty } from '@/components/states';
import { ActivityList } from '@/features/change-request/activity-list';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { LivePanels } from '@/features/change-request/live-panels';
import type { StoredEvent } from '@/lib/event-stream';
import { stageLabel, STAGES } from '@/lib/vocabulary';

/** What goes on in each repository, and everything that happened, oldest first. */
export function Activity({ of, events }: { of: Detail; events: StoredEvent[] }) {
  const [params] = useSearchParams();
  const stage = STAGES.find(([name]) => name === params.get('stage'))?.[0];
  const shown = stage === undefined ? events : events.filter(({ payload }) => payload.stage === stage);
  return (
    <>
      <LivePanels of={of} events={events} />
      {stage !== undefined && (
        <p className="narrowed">
          Only {stageLabel(stage).toLowerCase()} is shown.{' '}
          <Link to="?" replace>
            Show everything
          </Link>
        </p>
      )}
      {shown.length === 0 ? <Empty title="Nothing happened yet." /> : <ActivityList id={of.id} events={shown} />}
    </>
  );
}
