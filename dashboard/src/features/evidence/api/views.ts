import { useQuery } from '@tanstack/react-query';

import { unwrap, useApi } from '@/lib/api';
import { keys } from '@/lib/keys';

const at = (id: string) => ({ params: { path: { cr_id: id } } });

export function useSpec(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'spec'),
    queryFn: async () => (await unwrap(api.GET('/api/v1/change-requests/{cr_id}/spec', at(id)))).items,
  });
}

export function useDiff(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'diff'),
    queryFn: async () => (await unwrap(api.GET('/api/v1/change-requests/{cr_id}/diff', at(id)))).items,
  });
}

export function useTests(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'tests'),
    queryFn: () => unwrap(api.GET('/api/v1/change-requests/{cr_id}/tests', at(id))),
  });
}

export function useFindings(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'findings'),
    queryFn: async () => (await unwrap(api.GET('/api/v1/change-requests/{cr_id}/findings', at(id)))).items,
  });
}

export function useCost(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: keys.view(id, 'cost'),
    queryFn: () => unwrap(api.GET('/api/v1/change-requests/{cr_id}/cost', at(id))),
  });
}
