import { Link, useSearchParams } from 'react-router';

import { Activity } from '@/features/change-request/activity';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { History } from '@/features/change-request/history';
import { Snapshot } from '@/features/change-request/snapshot';
import { ConversationView } from '@/features/evidence/conversation-view';
import { CostView } from '@/features/evidence/cost-view';
import { DiffView } from '@/features/evidence/diff-view';
import { EvidenceView } from '@/features/evidence/evidence-view';
import { FindingsView } from '@/features/evidence/findings-view';
import { RequestView } from '@/features/evidence/request-view';
import { SpecView } from '@/features/evidence/spec-view';
import { TestsView } from '@/features/evidence/tests-view';
import type { Course } from '@/lib/history';

const TABS = [
  'activity', 'request', 'spec', 'diff', 'tests', 'findings', 'conversation', 'cost', 'evidence', 'history', 'settings',
] as const;
type Tab = (typeof TABS)[number];

interface Props {
  of: Detail;
  course: Course;
}

/** The open tab stands in the address, so that a colleague sees what you see. */
export function Tabs({ of, course }: Props) {
  const [params] = useSearchParams();
  const asked = params.get('tab');
  const open = TABS.find((tab) => tab === asked) ?? 'activity';
  return (
    <div className="tabs">
      <nav className="tab-list" aria-label="Views">
        {TABS.map((tab) => (
          <Link key={tab} to={tab === 'activity' ? '?' : `?tab=${tab}`} replace aria-current={tab === open ? 'page' : undefined}>
            {tab}
          </Link>
        ))}
      </nav>
      <div className="tab-panel">
        <h2 className="visually-hidden">{open}</h2>
        <View tab={open} of={of} course={course} />
      </div>
    </div>
  );
}

function View({ tab, of, course }: Props & { tab: Tab }) {
  switch (tab) {
    case 'activity':
      return <Activity of={of} course={course} />;
    case 'request':
      return <RequestView of={of} />;
    case 'spec':
      return <SpecView id={of.id} />;
    case 'diff':
      return <DiffView id={of.id} />;
    case 'tests':
      return <TestsView id={of.id} />;
    case 'findings':
      return <FindingsView id={of.id} />;
    case 'conversation':
      return <ConversationView id={of.id} />;
    case 'cost':
      return <CostView id={of.id} />;
    case 'evidence':
      return <EvidenceView id={of.id} />;
    case 'history':
      return <History of={of} events={course.events} />;
    case 'settings':
      return <Snapshot of={of} />;
  }
}
