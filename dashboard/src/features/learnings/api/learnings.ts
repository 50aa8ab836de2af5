import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

export type Learning = Schemas['LearningView'];

export function useLearnings() {
  const api = useApi();
  return useQuery({
    queryKey: keys.learnings,
    queryFn: async () => (await unwrap(api.GET('/api/v1/learnings'))).items,
  });
}

export function useSettleLearning() {
  const api = useApi();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ id, how }: { id: string; how: 'approve' | 'retire' }) => {
      const params = { path: { learning_id: id } };
      return how === 'approve'
        ? unwrap(api.POST('/api/v1/learnings/{learning_id}/approve', { params }))
        : unwrap(api.POST('/api/v1/learnings/{learning_id}/retire', { params }));
    },
    onSettled: () => cache.invalidateQueries({ queryKey: keys.learnings }),
  });
}
