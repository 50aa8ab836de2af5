import type { ComponentType } from 'react';
import { matchPath } from 'react-router';

import { part, quietly } from '@/lib/part';

/** The pages by their paths, each fetched when it is first needed. */
export const PAGES: { path: string; load: () => Promise<ComponentType> }[] = [
  { path: '/', load: part(async () => (await import('@/features/board/board')).Board) },
  { path: '/inbox', load: part(async () => (await import('@/app/routes/inbox')).InboxPage) },
  { path: '/new', load: part(async () => (await import('@/app/routes/new')).NewPage) },
  { path: '/analytics', load: part(async () => (await import('@/features/analytics/analytics')).AnalyticsPage) },
  { path: '/repositories', load: part(async () => (await import('@/features/repositories/repositories')).RepositoriesPage) },
  { path: '/repositories/:name', load: part(async () => (await import('@/features/repositories/repository')).RepositoryPage) },
  { path: '/learnings', load: part(async () => (await import('@/features/learnings/learnings')).Learnings) },
  { path: '/stale-branches', load: part(async () => (await import('@/features/stale-branches/stale-branches')).StaleBranches) },
  { path: '/settings/:section?', load: part(async () => (await import('@/features/settings/settings')).Settings) },
  { path: '/change-requests/:id', load: part(async () => (await import('@/app/routes/change-request')).ChangeRequestPage) },
];

/** Fetches the page that a path leads to, before anybody goes there. */
export function fetchAhead(path: string): void {
  const page = PAGES.find((one) => matchPath(one.path, path));
  if (page) quietly(page.load);
}
