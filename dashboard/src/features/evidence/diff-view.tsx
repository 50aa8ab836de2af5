import { Link, useSearchParams } from 'react-router';

import { Ago } from '@/components/ago';
import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useTurnDiff, useTurns, type Chosen, type Round } from '@/features/evidence/api/turns';
import { useDiff } from '@/features/evidence/api/views';
import { RepositoryDiff } from '@/features/evidence/repository-diff';
import { chosenIn, roundName, TurnPicker } from '@/features/evidence/turn-picker';
import { prefer, usePreferences } from '@/lib/preferences';

/** What the change request changes, or one turn of it; which one stands in the address. */
export function DiffView({ id }: { id: string }) {
  const [params] = useSearchParams();
  const { diff: look } = usePreferences();
  const rounds = useTurns(id).data ?? [];
  const chosen = chosenIn(params);
  const split = look === 'split';
  return (
    <>
      <div className="pane-head">
        {(rounds.length > 0 || chosen !== null) && <TurnPicker rounds={rounds} chosen={chosen} />}
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
      {({ round, turn, since, diff }) => {
        const at = since === 'round' ? `the end of ${roundName(round)}` : `turn ${turn} of ${roundName(round)}`;
        return (
          <>
            <p className="quiet">
              {since === 'round' ? `Everything that ${roundName(round)}, changed up to turn ${turn}` : `Exactly what turn ${turn} of ${roundName(round)}, changed`},{' '}
              <Ago at={round.turns.find((one) => one.commit === chosen.commit)?.at ?? round.at} />. Later turns may have changed it
              again. <Link to={conversationOf(round)}>Read the conversation</Link>
            </p>
            <RepositoryDiff id={id} diff={diff} split={split} at={at} cut="Cut: a turn is kept up to 1 MB or 50,000 lines." />
          </>
        );
      }}
    </Loaded>
  );
}

function conversationOf({ attempt, activation, role, instance }: Round): string {
  return `?${new URLSearchParams({ tab: 'conversation', attempt: String(attempt), activation, role, instance }).toString()}`;
}
