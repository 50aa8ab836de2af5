import { useSearchParams } from 'react-router';

import type { Chosen, Round } from '@/features/evidence/api/turns';
import { words } from '@/lib/format';
import { useShortcut } from '@/lib/shortcuts';

/** The turn that the address names; null is the whole change. */
export function chosenIn(params: URLSearchParams): Chosen | null {
  const commit = params.get('turn');
  return commit === null ? null : { commit, since: params.get('since') === 'round' ? 'round' : 'turn' };
}

/** `code writer, round 2`. */
export function roundName(round: Pick<Round, 'role' | 'number' | 'attempt'>): string {
  const attempt = round.attempt > 1 ? `, attempt ${round.attempt}` : '';
  return `${words(round.role)}, round ${round.number}${attempt}`;
}

/** Chooses what the diff shows: the whole change, a round of an agent, or one turn of it. */
export function TurnPicker({ rounds, chosen }: { rounds: Round[]; chosen: Chosen | null }) {
  const [params, setParams] = useSearchParams();
  const show = (choice: Chosen | null) => setParams(withChoice(params, choice), { replace: true });
  const { earlier, later } = neighbours(rounds, chosen);
  const back = earlier === undefined ? null : () => show(earlier);
  const forth = later === undefined ? null : () => show(later);
  useShortcut(',', 'Diff of the turn before', back);
  useShortcut('.', 'Diff of the turn after', forth);
  return (
    <div className="turn-picker" role="group" aria-label="Turn">
      <label className="inline-field">
        <span>Show</span>
        <select value={valueOf(chosen)} onChange={(event) => show(choiceOf(event.target.value))}>
          <option value="">the whole change</option>
          {chosen !== null && !known(rounds, chosen) && <option value={valueOf(chosen)}>a turn that is not listed</option>}
          {rounds.map((round) => (
            <optgroup key={round.commit} label={`${round.repository}: ${roundName(round)}`}>
              {round.turns.length > 1 && (
                <option value={valueOf({ commit: round.commit, since: 'round' })}>
                  {round.ended ? 'the whole round' : 'the round so far'}
                </option>
              )}
              {round.turns.map((turn) => (
                <option key={turn.commit} value={valueOf({ commit: turn.commit, since: 'turn' })}>
                  turn {turn.turn}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </label>
      <button type="button" className="button" disabled={back === null} onClick={() => back?.()}>
        Earlier turn
      </button>
      <button type="button" className="button" disabled={forth === null} onClick={() => forth?.()}>
        Later turn
      </button>
    </div>
  );
}

/** The whole change stands after the last turn. `undefined`: there is nothing further that way. */
function neighbours(rounds: Round[], chosen: Chosen | null): { earlier?: Chosen; later?: Chosen | null } {
  const turns = rounds.flatMap((round) => round.turns.map((turn): Chosen => ({ commit: turn.commit, since: 'turn' })));
  const at = chosen === null ? turns.length : turns.findIndex((turn) => turn.commit === chosen.commit);
  if (at < 0) return { later: null };
  const earlier = turns[at - 1];
  return { ...(earlier && { earlier }), ...(at < turns.length && { later: turns[at + 1] ?? null }) };
}

function known(rounds: Round[], { commit, since }: Chosen): boolean {
  return rounds.some((round) =>
    since === 'round' ? round.commit === commit && round.turns.length > 1 : round.turns.some((turn) => turn.commit === commit),
  );
}

function withChoice(params: URLSearchParams, choice: Chosen | null): URLSearchParams {
  const next = new URLSearchParams(params);
  next.delete('turn');
  next.delete('since');
  if (choice !== null) next.set('turn', choice.commit);
  if (choice?.since === 'round') next.set('since', 'round');
  return next;
}

function valueOf(chosen: Chosen | null): string {
  return chosen === null ? '' : `${chosen.since} ${chosen.commit}`;
}

function choiceOf(value: string): Chosen | null {
  const [since, commit] = value.split(' ');
  return commit === undefined ? null : { commit, since: since === 'round' ? 'round' : 'turn' };
}
