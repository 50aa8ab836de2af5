import { PAUSE } from '@/api/pause-reasons';
import { Ago } from '@/components/ago';
import { Loaded } from '@/components/loaded';
import { TextDiff } from '@/components/text-diff';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { useRequestTexts } from '@/lib/request-texts';
import { unifiedLines } from '@/lib/diff';
import { facts, text } from '@/lib/json';
import { useShortcut } from '@/lib/shortcuts';


/** Two texts of one request: the one that is worked on, and the one that its source has now. */
export function SourceChanged({ of, toward }: { of: Detail; toward: (action: string) => void }) {
  const texts = useRequestTexts(of.id);
  useShortcut('a', 'Begin again with the new text (then Enter)', () => toward('adopt'));
  useShortcut('e', 'Continue with the old text (then Enter)', () => toward('resume'));
  useShortcut('r', 'Cancel it (then Enter twice)', () => toward('cancel'));
  return (
    <Loaded query={texts} what="both texts">
      {({ items, in_use }) => {
        const old = items.find((one) => one.revision === in_use);
        const fresh = items.find((one) => one.state === 'proposed');
        if (fresh === undefined || old === undefined) return <p>Somebody is deciding about it right now.</p>;
        return (
          <div className="source-changed">
            <p>
              {text(of.pause?.facts['source'])} has another text since <Ago at={fresh.created_at} />, brought by {fresh.changed_by}. Agents work on
              the old one. {before(of)}
            </p>
            {fresh.compared_with !== null ? (
              <TextDiff lines={unifiedLines(fresh.diff)} label="What changed in the request" />
            ) : (
              <p className="remark">The texts are too long to be compared; both stand below.</p>
            )}
            <Whole name="The old text" title={old.title} body={old.body} />
            <Whole name="The new text" title={fresh.title} body={fresh.body} />
          </div>
        );
      }}
    </Loaded>
  );
}

function Whole({ name, title, body }: { name: string; title: string; body: string }) {
  return (
    <details>
      <summary>{name}</summary>
      <p className="lead">{title}</p>
      <pre className="prose" tabIndex={0}>
        {body}
      </pre>
    </details>
  );
}

/** What waits again when the old text is continued with. */
function before(of: Detail): string {
  const earlier = facts(of.pause?.facts['before']);
  const reason = Object.entries(PAUSE).find(([name]) => name === text(earlier['reason']))?.[1].title;
  if (reason !== undefined) return `It had stopped before: “${reason}”. That waits again if the old text is kept.`;
  return of.gates.length > 0 ? 'A decision was open. It waits again if the old text is kept, and is void otherwise.' : '';
}
