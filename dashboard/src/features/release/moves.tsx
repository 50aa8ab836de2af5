import { Badge } from '@/components/badge';
import type { Move } from '@/features/release/content';
import { short } from '@/lib/format';

/** Base branches that moved under the change, whose commits did it, and what the rebase made of the head. */
export function BaseMoves({ moves }: { moves: Move[] }) {
  return (
    <ul className="base-moves" aria-label="Base branches that moved">
      {moves.map((move) => (
        <li key={`${move.repository}:${move.base}`}>
          <p>
            <strong>{move.repository}</strong>: <code>{move.base_branch}</code> moved from <code>{short(move.base_before)}</code> to <code>{short(move.base)}</code>; the change
            was rebased from <code>{short(move.head_before)}</code> to <code>{short(move.head)}</code>{' '}
            <Badge tone={move.clean ? 'good' : 'attention'}>{move.clean ? 'without conflicts' : 'conflicts resolved'}</Badge>{' '}
            <Badge tone={move.proven ? 'good' : 'bad'}>{move.proven ? 'everything proven again' : 'the proof failed there'}</Badge>
          </p>
          <details>
            <summary>
              {move.commits.length}
              {move.more_commits && ' and more'} {move.commits.length === 1 ? 'commit' : 'commits'} of others
            </summary>
            <ul>
              {move.commits.map((one) => (
                <li key={one.commit}>
                  <code>{short(one.commit)}</code> {one.subject}
                </li>
              ))}
            </ul>
          </details>
        </li>
      ))}
    </ul>
  );
}
