import { Ago } from '@/components/ago';
import { Badge } from '@/components/badge';
import { TextDiff } from '@/components/text-diff';
import type { RequestText } from '@/lib/request-texts';
import { unifiedLines } from '@/lib/diff';
import type { Tone } from '@/lib/vocabulary';

const ORIGIN: Record<string, string> = { submitted: 'submitted', edited: 'edited', source: 'changed at its source' };
const STATE: Record<string, [string, Tone]> = {
  taken: ['taken', 'calm'],
  proposed: ['waits for a decision', 'attention'],
  declined: ['not taken', 'muted'],
  late: ['came after the end', 'muted'],
};

/** Every text of a request with who brought it, each with what it changed; none is ever overwritten. */
export function RequestTexts({ items, inUse }: { items: RequestText[]; inUse: number }) {
  return (
    <ol className="request-texts">
      {items.map((one) => {
        const [word, tone] = one.revision === inUse ? (['worked on', 'good'] as const) : (STATE[one.state] ?? [one.state, 'muted']);
        return (
          <li key={one.revision}>
            <details>
              <summary>
                Revision {one.revision}, {ORIGIN[one.origin] ?? one.origin} by {one.changed_by}, <Ago at={one.created_at} /> <Badge tone={tone}>{word}</Badge>
              </summary>
              {one.diff !== '' && <TextDiff lines={unifiedLines(one.diff)} label={`What revision ${one.revision} changed`} />}
              <p className="lead">{one.title}</p>
              <pre className="prose" tabIndex={0}>
                {one.body}
              </pre>
            </details>
          </li>
        );
      })}
    </ol>
  );
}
