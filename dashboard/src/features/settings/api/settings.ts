import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Section = Schemas['SettingsSection'];
export type Version = Schemas['SettingsView'];

export function useSections() {
  const api = useApi();
  return useQuery({
    queryKey: keys.settings,
    queryFn: async () => (await unwrap(api.GET('/api/v1/settings'))).items,
  });
}

export function useSection(section: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.settingsSection(section),
    queryFn: () => unwrap(api.GET('/api/v1/settings/{section}', { params: { path: { section } } })),
  });
}

export function useVersions(section: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.settingsHistory(section),
    queryFn: async () => (await unwrap(api.GET('/api/v1/settings/{section}/history', { params: { path: { section } } }))).items,
  });
}

interface Change {
  value: Record<string, unknown>;
  version: number;
  note: string;
}

export function useChange(section: string) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: Change) => unwrap(api.PUT('/api/v1/settings/{section}', { params: { path: { section } }, body })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.settings }),
  });
}

export function useRevert(section: string) {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (version: number) =>
      unwrap(api.POST('/api/v1/settings/{section}/revert/{version}', { params: { path: { section, version } }, body: { note: `Back to version ${version}` } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.settings }),
  });
}
