import { Badge } from '@/components/badge';

/** Canned answers are named wherever their work is shown. */
export function ScriptedBadge() {
  return (
    <Badge tone="calm" title="The answers come from a scenario file, not from a model. Everything else is real.">
      scripted model
    </Badge>
  );
}
