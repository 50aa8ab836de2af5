import { Link, useSearchParams } from 'react-router';

import { EVERY_STAGE } from '@/api/stages';
import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { ActivityList } from '@/features/change-request/activity-list';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { useHistory } from '@/features/change-request/api/get-events';
import { LivePanels } from '@/features/change-request/live-panels';
import type { Schemas } from '@/lib/api';
import type { Course } from '@/lib/history';
import { stageLabel } from '@/lib/vocabulary';

/** What goes on in each repository, and what happened, the newest at the end. */
export function Activity({ of, course }: { of: Detail; course: Course }) {
  const [params] = useSearchParams();
  const stage = EVERY_STAGE.find((one) => one.stage === params.get('stage'))?.stage ?? null;
  return (
    <>
      <LivePanels of={of} course={course} />
      {stage !== null && (
        <p className="narrowed">
          Only {stageLabel(stage).toLowerCase()} is shown.{' '}
          <Link to="?" replace>
            Show everything
          </Link>
        </p>
      )}
      <Log key={stage} id={of.id} stage={stage} total={course.total} />
    </>
  );
}

function Log({ id, stage, total }: { id: string; stage: Schemas['Stage'] | null; total: number }) {
  const { query, more, loading, failed } = useHistory(id, stage);
  return (
    <Loaded query={query} what="what happened">
      {(known) =>
        known.events.length === 0 ? (
          <Empty title="Nothing happened yet." />
        ) : (
          <ActivityList id={id} known={known} total={stage === null ? total : null} loading={loading} failed={failed} onEarlier={more} />
        )
      }
    </Loaded>
  );
}
