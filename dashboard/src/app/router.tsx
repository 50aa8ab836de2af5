import { createBrowserRouter, createMemoryRouter, type RouteObject } from 'react-router';

import { Layout } from '@/app/layout';
import { ChangeRequestPage } from '@/app/routes/change-request';
import { Empty } from '@/components/states';
import { Board } from '@/features/board/board';

const routes: RouteObject[] = [
  {
    element: <Layout />,
    children: [
      { path: '/', element: <Board /> },
      { path: '/change-requests/:id', element: <ChangeRequestPage /> },
      { path: '*', element: <Empty title="There is no such page." /> },
    ],
  },
];

export const createRouter = () => createBrowserRouter(routes);
export const createTestRouter = (address: string) => createMemoryRouter(routes, { initialEntries: [address] });
