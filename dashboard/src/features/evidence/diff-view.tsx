import { Link, useSearchParams } from 'react-router';

import { Ago } from '@/components/ago';
import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useTurnDiff, useTurns, type Chosen, type Editing } from '@/features/evidence/api/turns';
import { useDiff } from '@/features/evidence/api/views';
import { RepositoryDiff } from '@/features/evidence/repository-diff';
import { chosenIn, nameOf, TurnPicker } from '@/features/evidence/turn-picker';
import { words } from '@/lib/format';
import { prefer, usePreferences } from '@/lib/preferences';

/** What the change request changes, or one turn of it; which one stands in the address. */
export function DiffView({ id }: { id: string }) {
  const [params] = useSearchParams();
  const { diff: look } = usePreferences();
  const conversations = useTurns(id).data ?? [];
  const chosen = chosenIn(params);
  const split = look === 'split';
  return (
    <>
      <div className="pane-head">
        {(conversations.length > 0 || chosen !== null) && <TurnPicker conversations={conversations} chosen={chosen} />}
        <label className="check">
          <input type="checkbox" checked={split} onChange={(event) => prefer({ diff: event.target.checked ? 'split' : 'unified' })} />
          side by side
        </label>
      </div>
      {chosen === null ? <Whole id={id} split={split} /> : <OfTurn id={id} chosen={chosen} split={split} />}
    </>
  );
}

function Whole({ id, split }: { id: string; split: boolean }) {
  return (
    <Loaded query={useDiff(id)} what="the diff">
      {(diffs) =>
        diffs.every((diff) => diff.files.length === 0) ? (
          <Empty title="No change yet." />
        ) : (
          <>
            <p className="quiet">Risky files first. Comment on a line with +; comments are sent together.</p>
            {diffs.map((diff) => (
              <RepositoryDiff key={diff.repository} id={id} diff={diff} split={split} cut="Cut to what a page can hold; the evidence holds all of it." />
            ))}
          </>
        )
      }
    </Loaded>
  );
}

function OfTurn({ id, chosen, split }: { id: string; chosen: Chosen; split: boolean }) {
  return (
    <Loaded query={useTurnDiff(id, chosen)} what="what this turn changed">
      {({ conversation, turn, since, diff }) => {
        const at = since === 'conversation' ? `the end of ${nameOf(conversation)}` : `turn ${turn} of ${nameOf(conversation)}`;
        const who = words(conversation.role);
        return (
          <>
            <h3>{nameOf(conversation)}</h3>
            <p className="quiet">
              {since === 'conversation' ? `Everything that the ${who} changed in it up to turn ${turn}` : `Exactly what the ${who} changed in turn ${turn}`},{' '}
              <Ago at={conversation.turns.find((one) => one.commit === chosen.commit)?.at ?? conversation.at} />. Later turns may have changed it
              again. <Link to={conversationOf(conversation)}>Read the conversation</Link>
            </p>
            <RepositoryDiff id={id} diff={diff} split={split} at={at} cut="Cut: a turn is kept up to 1 MB or 50,000 lines." />
          </>
        );
      }}
    </Loaded>
  );
}

function conversationOf({ attempt, activation, role, instance }: Editing): string {
  return `?${new URLSearchParams({ tab: 'conversation', attempt: String(attempt), activation, role, instance }).toString()}`;
}
