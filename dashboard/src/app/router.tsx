import { createBrowserRouter, createMemoryRouter, type RouteObject } from 'react-router';

import { Layout } from '@/app/layout';
import { ChangeRequestPage } from '@/app/routes/change-request';
import { InboxPage } from '@/app/routes/inbox';
import { NewPage } from '@/app/routes/new';
import { Empty } from '@/components/states';
import { AnalyticsPage } from '@/features/analytics/analytics';
import { Board } from '@/features/board/board';
import { Learnings } from '@/features/learnings/learnings';
import { StaleBranches } from '@/features/stale-branches/stale-branches';
import { Settings } from '@/features/settings/settings';

const routes: RouteObject[] = [
  {
    element: <Layout />,
    children: [
      { path: '/', element: <Board /> },
      { path: '/inbox', element: <InboxPage /> },
      { path: '/new', element: <NewPage /> },
      { path: '/analytics', element: <AnalyticsPage /> },
      { path: '/learnings', element: <Learnings /> },
      { path: '/stale-branches', element: <StaleBranches /> },
      { path: '/settings/:section?', element: <Settings /> },
      { path: '/change-requests/:id', element: <ChangeRequestPage /> },
      { path: '*', element: <Missing /> },
    ],
  },
];

export const createRouter = () => createBrowserRouter(routes);
export const createTestRouter = (address: string) => createMemoryRouter(routes, { initialEntries: [address] });

function Missing() {
  return (
    <main className="page">
      <h1 className="visually-hidden">Not found</h1>
      <Empty title="There is no such page." />
    </main>
  );
}
