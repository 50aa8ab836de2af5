import { createBrowserRouter, createMemoryRouter, useRouteError, type RouteObject } from 'react-router';

import { Layout } from '@/app/layout';
import { PAGES } from '@/app/pages';
import { PartProblem } from '@/components/part-boundary';
import { Empty, Loading, Problem } from '@/components/states';
import { PartMissing } from '@/lib/part';

/** Made anew for each router, which keeps in them what it has fetched. */
const routes = (): RouteObject[] => [
  {
    element: <Layout />,
    children: [
      {
        hydrateFallbackElement: <Opening />,
        errorElement: <Failed />,
        children: [
          ...PAGES.map(({ path, load }): RouteObject => ({ path, lazy: async () => ({ Component: await load() }) })),
          { path: '*', element: <Missing /> },
        ],
      },
    ],
  },
];

export const createRouter = () => createBrowserRouter(routes());
export const createTestRouter = (address: string) => createMemoryRouter(routes(), { initialEntries: [address] });

function Opening() {
  return (
    <main className="page">
      <Loading what="the page" />
    </main>
  );
}

function Failed() {
  const error = useRouteError();
  return (
    <main className="page">
      <h1 className="visually-hidden">This page could not be shown</h1>
      {error instanceof PartMissing ? (
        <PartProblem error={error} />
      ) : (
        <Problem error={error instanceof Error ? error : new Error('This page could not be shown.')} retry={() => globalThis.location.reload()} />
      )}
    </main>
  );
}

function Missing() {
  return (
    <main className="page">
      <h1 className="visually-hidden">Not found</h1>
      <Empty title="There is no such page." />
    </main>
  );
}
