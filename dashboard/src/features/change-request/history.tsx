import { Ago } from '@/components/ago';
import { Empty } from '@/components/states';
import type { Detail } from '@/features/change-request/api/get-change-request';
import type { StoredEvent } from '@/lib/history';
import { words } from '@/lib/format';
import { STATUS } from '@/lib/vocabulary';

interface Deed {
  key: string;
  at: string;
  who: string;
  what: string;
  words: string;
}

/** Who did what: every word and decision of a person, and every attempt, the newest first. */
export function History({ of, events }: { of: Detail; events: StoredEvent[] }) {
  const deeds = deedsOf(of, events);
  if (deeds.length === 0) return <Empty title="No person did anything yet." />;
  return (
    <table className="table">
      <thead>
        <tr>
          <th>Who</th>
          <th>What</th>
          <th>When</th>
        </tr>
      </thead>
      <tbody>
        {deeds.map((deed) => (
          <tr key={deed.key}>
            <td>{deed.who}</td>
            <td>
              <strong>{deed.what}</strong>
              {deed.words !== '' && <p className="history-words">{deed.words}</p>}
            </td>
            <td>
              <Ago at={deed.at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function deedsOf(of: Detail, events: readonly StoredEvent[]): Deed[] {
  const said = of.interventions.map((one) => ({
    key: one.id, at: one.created_at, who: one.actor,
    what: [words(one.action), one.repository && `for ${one.repository}`, `(${one.status})`].filter(Boolean).join(' '),
    words: [one.body['instructions'], one.note].filter((part) => typeof part === 'string' && part !== '').join(' · '),
  }));
  const attempts = of.attempts.map((one) => ({
    key: `attempt-${one.attempt}`, at: one.started_at, who: one.requested_by,
    what: one.attempt === 1 ? 'submitted' : `attempt ${one.attempt} ${one.from_stage ? `from ${words(one.from_stage)}` : 'from the beginning'}`,
    words: '',
  }));
  const decided = events.flatMap(({ seq, at, payload }): Deed[] => {
    if (payload.type === 'gate_decided') {
      return [{ key: String(seq), at, who: payload.actor, what: `${words(payload.decision)}: ${words(payload.kind)}`, words: payload.comment }];
    }
    if (payload.type === 'status_changed' && payload.actor) {
      return [{ key: String(seq), at, who: payload.actor, what: STATUS[payload.status].label.toLowerCase(), words: payload.message }];
    }
    return [];
  });
  return [...said, ...attempts, ...decided].toSorted((one, other) => other.at.localeCompare(one.at));
}
