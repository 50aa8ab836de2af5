import type { Detail } from '@/features/change-request/api/get-change-request';
import type { Schemas } from '@/lib/api';
import { facts } from '@/lib/json';

export { ReleaseCards } from '@/features/release/release-card';
export { StaleRelease } from '@/features/release/stale-release';

/** Why this person cannot decide although somebody of their role could; null when nothing speaks against it. */
export function barred(of: Detail, me: Schemas['Me'] | undefined): string | null {
  const rules = facts(of.settings_snapshot['security']);
  if (me === undefined || me.id !== of.created_by || rules['requester_may_approve'] !== false) return null;
  return 'You requested this change. Somebody else has to approve it; you can still reject it or send it back.';
}
