import { Problem } from '@/components/states';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { useIntervene } from '@/features/change-request/api/intervene';
import { clearDrafts, instructionOf, useDrafts } from '@/lib/drafts';

/** Line comments that wait to be said, sent together as one instruction by whichever way is open now. */
export function CommentTray({ of }: { of: Detail }) {
  const drafts = useDrafts(of.id);
  const intervene = useIntervene(of.id);
  if (drafts.length === 0) return null;
  const way = (['redirect', 'resume'] as const).find((action) => of.actions.some((one) => one.action === action));
  const send = (action: 'redirect' | 'resume') =>
    intervene.mutate({ action, instructions: instructionOf(drafts) }, { onSuccess: () => clearDrafts(of.id) });
  return (
    <section className="tray" aria-label="Line comments">
      <strong>
        {drafts.length} {drafts.length === 1 ? 'comment' : 'comments'} not sent
      </strong>
      <ul>
        {drafts.map((draft) => (
          <li key={draft.place}>
            <code>{draft.place}</code> {draft.text}
          </li>
        ))}
      </ul>
      <div className="buttons">
        {way !== undefined && (
          <button type="button" className="button button-primary" disabled={intervene.isPending} onClick={() => send(way)}>
            {way === 'redirect' ? 'Send as one instruction' : 'Resume with these comments'}
          </button>
        )}
        <button type="button" className="button" onClick={() => clearDrafts(of.id)}>
          Discard
        </button>
      </div>
      {intervene.error && <Problem error={intervene.error} />}
    </section>
  );
}
