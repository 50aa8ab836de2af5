import { useSearchParams } from 'react-router';

import { Loading, Empty, Problem } from '@/components/states';
import { useConversation, type Conversation, type ConversationOf } from '@/features/evidence/api/views';
import { EntryView } from '@/features/evidence/entry-view';
import { words } from '@/lib/format';

/** What agents and the pipeline said to each other, from the journal: the very bytes that a resumed agent continues from. */
export function ConversationView({ id }: { id: string }) {
  const [params, setParams] = useSearchParams();
  const all = useConversation(id, {});
  const wanted = wantedIn(params);
  const query = useConversation(id, wanted);
  if (query.error && !query.data) return <Problem error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Loading what="the conversation" />;
  const conversations = all.data?.pages[0]?.conversations ?? [];
  const entries = query.data.pages.flatMap((page) => page.items);
  return (
    <>
      <div className="pane-head">
        <label className="inline-field">
          <span>Conversation</span>
          <select value={nameOf(wanted)} onChange={(event) => setParams(paramsOf(conversations, event.target.value), { replace: true })}>
            <option value="">all, in the order of time</option>
            {conversations.map((one) => (
              <option key={nameOf(one)} value={nameOf(one)}>
                {words(one.role)} · {one.instance} · {one.entries} entries
                {one.attempt > 1 ? ` · attempt ${one.attempt}` : ''}
              </option>
            ))}
          </select>
        </label>
      </div>
      {entries.length === 0 && <Empty title="Nobody said anything yet." />}
      <ol className="entries">
        {entries.map((entry) => (
          <EntryView key={`${nameOf(entry)}-${entry.seq}`} entry={entry} />
        ))}
      </ol>
      {query.hasNextPage && (
        <button type="button" className="button more" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {query.isFetchingNextPage ? 'Loading…' : 'Show more'}
        </button>
      )}
    </>
  );
}

const NAMES = ['attempt', 'activation', 'role', 'instance'] as const;

function wantedIn(params: URLSearchParams): ConversationOf {
  const attempt = Number(params.get('attempt'));
  const [activation, role, instance] = [params.get('activation'), params.get('role'), params.get('instance')];
  return { ...(attempt > 0 && { attempt }), ...(activation && { activation }), ...(role && { role }), ...(instance && { instance }) };
}

function nameOf(one: ConversationOf): string {
  return NAMES.map((name) => one[name] ?? '').join('/').replace(/^\/+$/, '');
}

function paramsOf(conversations: readonly Conversation[], name: string): Record<string, string> {
  const chosen = conversations.find((one) => nameOf(one) === name);
  const tab = { tab: 'conversation' };
  return chosen ? { ...tab, ...Object.fromEntries(NAMES.map((part) => [part, String(chosen[part])])) } : tab;
}
