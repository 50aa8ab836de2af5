import { useSearchParams } from 'react-router';

import type { Chosen, Editing } from '@/features/evidence/api/turns';
import { words } from '@/lib/format';
import { useShortcut } from '@/lib/shortcuts';

/** The turn that the address names; null is the whole change. */
export function chosenIn(params: URLSearchParams): Chosen | null {
  const commit = params.get('turn');
  return commit === null ? null : { commit, since: params.get('since') === 'conversation' ? 'conversation' : 'turn' };
}

/** `code writer, conversation 2`. */
export function nameOf(conversation: Pick<Editing, 'role' | 'number' | 'attempt'>): string {
  const attempt = conversation.attempt > 1 ? `, attempt ${conversation.attempt}` : '';
  return `${words(conversation.role)}, conversation ${conversation.number}${attempt}`;
}

/** Chooses what the diff shows: the whole change, a conversation of an agent, or one turn of it. */
export function TurnPicker({ conversations, chosen }: { conversations: Editing[]; chosen: Chosen | null }) {
  const [params, setParams] = useSearchParams();
  const show = (choice: Chosen | null) => setParams(withChoice(params, choice), { replace: true });
  const { earlier, later } = neighbours(conversations, chosen);
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
          {chosen !== null && !known(conversations, chosen) && <option value={valueOf(chosen)}>a turn that is not listed</option>}
          {conversations.map((conversation) => (
            <optgroup key={conversation.commit} label={`${conversation.repository}: ${nameOf(conversation)}`}>
              {conversation.turns.length > 1 && (
                <option value={valueOf({ commit: conversation.commit, since: 'conversation' })}>
                  {conversation.ended ? 'the whole conversation' : 'the conversation so far'}
                </option>
              )}
              {conversation.turns.map((turn) => (
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
function neighbours(conversations: Editing[], chosen: Chosen | null): { earlier?: Chosen; later?: Chosen | null } {
  const turns = conversations.flatMap((conversation) => conversation.turns.map((turn): Chosen => ({ commit: turn.commit, since: 'turn' })));
  const at = chosen === null ? turns.length : turns.findIndex((turn) => turn.commit === chosen.commit);
  if (at < 0) return { later: null };
  const earlier = turns[at - 1];
  return { ...(earlier && { earlier }), ...(at < turns.length && { later: turns[at + 1] ?? null }) };
}

function known(conversations: Editing[], { commit, since }: Chosen): boolean {
  return conversations.some((conversation) =>
    since === 'conversation' ? conversation.commit === commit && conversation.turns.length > 1 : conversation.turns.some((turn) => turn.commit === commit),
  );
}

function withChoice(params: URLSearchParams, choice: Chosen | null): URLSearchParams {
  const next = new URLSearchParams(params);
  next.delete('turn');
  next.delete('since');
  if (choice !== null) next.set('turn', choice.commit);
  if (choice?.since === 'conversation') next.set('since', 'conversation');
  return next;
}

function valueOf(chosen: Chosen | null): string {
  return chosen === null ? '' : `${chosen.since} ${chosen.commit}`;
}

function choiceOf(value: string): Chosen | null {
  const [since, commit] = value.split(' ');
  return commit === undefined ? null : { commit, since: since === 'conversation' ? 'conversation' : 'turn' };
}
