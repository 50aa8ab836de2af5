import { useRef, useState } from 'react';
import { Link, useSearchParams } from 'react-router';

import type { Counts } from '@/features/board/api/get-change-requests';
import { openGroup, withFilter } from '@/features/board/filters';
import { GROUPS } from '@/features/board/groups';
import { useRepositories } from '@/lib/repositories';
import { useShortcut } from '@/lib/shortcuts';
import { STATUS } from '@/lib/vocabulary';

export function FilterBar({ counts }: { counts: Counts }) {
  const [params, setParams] = useSearchParams();
  const search = useRef<HTMLInputElement>(null);
  // What is typed stands here at once; the address follows.
  const [typed, setTyped] = useState(() => params.get('q') ?? '');
  const set = (name: string, value: string) => setParams((now) => withFilter(now, name, value), { replace: true });
  useShortcut('/', 'Search change requests', () => search.current?.focus());
  const repositories = useRepositories();
  const only = openGroup(params);
  return (
    <>
      <div className="board-head">
        <h1>Change requests</h1>
        <div className="filters" role="search">
          <input
            ref={search}
            type="search"
            className="input"
            aria-label="Search change requests"
            placeholder="Search by title or id"
            value={typed}
            onChange={(event) => {
              setTyped(event.target.value);
              set('q', event.target.value);
            }}
          />
          <select aria-label="Repository" value={params.get('repository') ?? ''} onChange={(event) => set('repository', event.target.value)}>
            <option value="">All repositories</option>
            {repositories.data?.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
          </select>
          <select aria-label="Status" value={params.get('status') ?? ''} onChange={(event) => set('status', event.target.value)}>
            <option value="">Any status</option>
            {Object.entries(STATUS).map(([status, { label }]) => (
              <option key={status} value={status}>
                {label}
              </option>
            ))}
          </select>
          <Link className="button button-primary" to="/new">
            New
          </Link>
        </div>
      </div>
      <nav className="chips" aria-label="Groups">
        {GROUPS.map(([group, label]) => (
          <Link
            key={group}
            className={`chip chip-${group}`}
            replace
            to={`?${withFilter(params, 'group', only === group ? '' : group).toString()}`}
            aria-current={only === group ? 'true' : undefined}
          >
            {label} <strong>{counts[group]}</strong>
          </Link>
        ))}
      </nav>
    </>
  );
}
