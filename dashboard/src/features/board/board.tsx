import { useSearchParams } from 'react-router';

import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useChangeRequests, type Summary } from '@/features/board/api/get-change-requests';
import { byAttention, matches, waitingForPeople } from '@/features/board/attention';
import { ChangeRequestRow } from '@/features/board/change-request-row';
import { useTitle } from '@/lib/use-title';

export function Board() {
  const query = useChangeRequests();
  const waiting = waitingForPeople(query.data ?? []);
  useTitle(waiting > 0 ? `(${waiting}) Changeline` : 'Changeline');
  return (
    <main className="page">
      <Loaded query={query} what="change requests">
        {(all) => (all.length === 0 ? <NothingYet /> : <Groups all={all} />)}
      </Loaded>
    </main>
  );
}

function Groups({ all }: { all: Summary[] }) {
  const [params, setParams] = useSearchParams();
  const search = params.get('q') ?? '';
  const groups = byAttention(all.filter((item) => matches(item, search)));
  return (
    <>
      <div className="board-head">
        <h1>Change requests</h1>
        <input
          type="search"
          className="input"
          aria-label="Search change requests"
          placeholder="Search by title, id or repository"
          value={search}
          onChange={(event) => setParams(event.target.value ? { q: event.target.value } : {}, { replace: true })}
        />
      </div>
      {groups.length === 0 && <Empty title="Nothing matches this search." />}
      {groups.map(([group, items]) => (
        <section key={group} className="group" aria-label={group}>
          <h2 className="group-title">
            {group} <span className="group-count">{items.length}</span>
          </h2>
          <ul className="rows">
            {items.map((item) => (
              <ChangeRequestRow key={item.id} item={item} />
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function NothingYet() {
  return (
    <Empty title="No change request yet.">
      <span>Submit one from a terminal, in any git repository:</span>
      <pre className="terminal">changeline submit --repo . --title &quot;…&quot; --body &quot;…&quot;</pre>
    </Empty>
  );
}
