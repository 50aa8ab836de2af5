import { Link, useSearchParams } from 'react-router';

import { Empty } from '@/components/states';
import { ActivityList } from '@/features/change-request/activity-list';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { LivePanels } from '@/features/change-request/live-panels';
import type { StoredEvent } from '@/lib/event-stream';
import { useLiveText } from '@/lib/live-text';
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
      <Typing id={of.id} />
    </>
  );
}

/** The end of what each agent is saying. Not for screen readers: its first line follows as an event. */
function Typing({ id }: { id: string }) {
  return useLiveText(id).map(({ agent, role, text }) => (
    <p key={agent} className="event-typing" aria-hidden="true">
      <span className="event-who">{role.replaceAll('_', ' ')}</span> {lastWords(text)}
    </p>
  ));
}

const SHOWN_CHARACTERS = 160;

function lastWords(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > SHOWN_CHARACTERS ? `…${line.slice(-SHOWN_CHARACTERS)}` : line;
}
