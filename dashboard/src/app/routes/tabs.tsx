import { Suspense } from 'react';
import { Link, useSearchParams } from 'react-router';

import { PartBoundary } from '@/components/part-boundary';
import { Loading } from '@/components/states';
import { Activity } from '@/features/change-request/activity';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { History } from '@/features/change-request/history';
import { Snapshot } from '@/features/change-request/snapshot';
import type { Course } from '@/lib/history';
import { lazyPart } from '@/lib/part';

const TABS = [
  'activity', 'request', 'spec', 'diff', 'tests', 'findings', 'conversation', 'cost', 'evidence', 'history', 'settings',
] as const;
type Tab = (typeof TABS)[number];

/** What is looked at now and then is fetched then. */
const VIEWS = {
  request: lazyPart(async () => (await import('@/features/evidence/request-view')).RequestView),
  spec: lazyPart(async () => (await import('@/features/evidence/spec-view')).SpecView),
  diff: lazyPart(async () => (await import('@/features/evidence/diff-view')).DiffView),
  tests: lazyPart(async () => (await import('@/features/evidence/tests-view')).TestsView),
  findings: lazyPart(async () => (await import('@/features/evidence/findings-view')).FindingsView),
  conversation: lazyPart(async () => (await import('@/features/evidence/conversation-view')).ConversationView),
  cost: lazyPart(async () => (await import('@/features/evidence/cost-view')).CostView),
  evidence: lazyPart(async () => (await import('@/features/evidence/evidence-view')).EvidenceView),
};

function preload(tab: Tab): void {
  if (tab in VIEWS) VIEWS[tab as keyof typeof VIEWS].preload();
}

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
          <Link
            key={tab}
            to={tab === 'activity' ? '?' : `?tab=${tab}`}
            replace
            aria-current={tab === open ? 'page' : undefined}
            onPointerEnter={() => preload(tab)}
            onFocus={() => preload(tab)}
          >
            {tab}
          </Link>
        ))}
      </nav>
      <div className="tab-panel">
        <h2 className="visually-hidden">{open}</h2>
        <PartBoundary key={open}>
          <Suspense fallback={<Loading what={open} />}>
            <View tab={open} of={of} course={course} />
          </Suspense>
        </PartBoundary>
      </div>
    </div>
  );
}

function View({ tab, of, course }: Props & { tab: Tab }) {
  switch (tab) {
    case 'activity':
      return <Activity of={of} course={course} />;
    case 'request':
      return <VIEWS.request of={of} />;
    case 'spec':
    case 'diff':
    case 'tests':
    case 'findings':
    case 'conversation':
    case 'cost':
    case 'evidence': {
      const Chosen = VIEWS[tab];
      return <Chosen id={of.id} />;
    }
    case 'history':
      return <History of={of} events={course.events} />;
    case 'settings':
      return <Snapshot of={of} />;
  }
}
