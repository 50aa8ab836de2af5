import { Badge } from '@/components/badge';
import type { Schemas } from '@/lib/api';
import { STATUS, WAIT } from '@/lib/vocabulary';

interface Standing {
  status: Schemas['Status'];
  wait_kind: Schemas['WaitKind'] | null;
}

export function StatusBadge({ of }: { of: Standing }) {
  const { label, tone } = STATUS[of.status];
  if (of.status !== 'waiting' || of.wait_kind === null) return <Badge tone={tone}>{label}</Badge>;
  const wait = WAIT[of.wait_kind];
  return <Badge tone={wait.person ? 'attention' : tone}>{wait.label}</Badge>;
}
