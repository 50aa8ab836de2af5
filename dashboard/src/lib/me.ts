import { useQuery } from '@tanstack/react-query';

import { unwrap, useApi, type Schemas } from '@/lib/api';
import { keys } from '@/lib/keys';

type Role = Schemas['Role'];

const RANK: readonly Role[] = ['viewer', 'operator', 'approver', 'admin'];

/** Who is signed in. */
export function useMe() {
  const api = useApi();
  return useQuery({ queryKey: keys.me, queryFn: () => unwrap(api.GET('/api/v1/me')) });
}

/** Whether the person may do what a role may; true until it is known, because the controller refuses anyway. */
export function useMay(role: Role): boolean {
  const me = useMe();
  return me.data === undefined || me.data.roles.some((held) => RANK.indexOf(held) >= RANK.indexOf(role));
}
