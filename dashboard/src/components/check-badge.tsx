import { Badge } from '@/components/badge';
import type { Schemas } from '@/lib/api';
import { CHECK, VERDICT } from '@/lib/vocabulary';

/** What was found, where a check came to an end; else how the check stands. */
export function CheckBadge({ state, verdict }: { state: Schemas['SurveyState']; verdict: Schemas['SuiteVerdict'] | null }) {
  const { label, tone } = state === 'done' && verdict !== null ? VERDICT[verdict] : CHECK[state];
  return <Badge tone={tone}>{label}</Badge>;
}
