import { Link, useSearchParams } from 'react-router';

import { Loaded } from '@/components/loaded';
import { More } from '@/components/more';
import { Empty, Loading, Problem } from '@/components/states';
import { VirtualRows } from '@/components/virtual-rows';
import { useCounts, useGroup, type Filters, type Group } from '@/features/board/api/get-change-requests';
import { ChangeRequestRow } from '@/features/board/change-request-row';
import { FilterBar } from '@/features/board/filter-bar';
import { filtersIn, openGroup } from '@/features/board/filters';
import { GROUPS, totalOf, waitingForPeople } from '@/features/board/groups';
import { useRowKeys } from '@/lib/shortcuts';
import { useTitle } from '@/lib/use-title';

const ROW_PX = 62;

export function Board() {
  const [params] = useSearchParams();
  const filters = filtersIn(params);
  const everything = useCounts({});
  const counts = useCounts(filters);
  const waiting = everything.data ? waitingForPeople(everything.data) : 0;
  useTitle(waiting > 0 ? `(${waiting}) Changeline` : 'Changeline');
  useRowKeys();
  const only = openGroup(params);
  return (
    <main className="page">
      <Loaded query={everything} what="change requests">
        {(all) =>
          totalOf(all) === 0 ? (
            <NothingYet />
          ) : (
            <>
              <FilterBar counts={counts.data ?? all} />
              {counts.data && totalOf(counts.data) === 0 && <Empty title="Nothing matches these filters." />}
              {GROUPS.filter(([group]) => (only === null || only === group) && (counts.data ?? all)[group] > 0).map(
                ([group, label]) => (
                  <BoardGroup key={group} group={group} label={label} total={(counts.data ?? all)[group]} filters={filters} />
                ),
              )}
            </>
          )
        }
      </Loaded>
    </main>
  );
}

interface GroupProps {
  group: Group;
  label: string;
  total: number;
  filters: Filters;
}

function BoardGroup({ group, label, total, filters }: GroupProps) {
  const query = useGroup(group, filters);
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className="group" aria-label={label}>
      <h2 className="group-title">
        {label} <span className="group-count">{total}</span>
      </h2>
      {query.isPending && <Loading what="this group" />}
      {query.error && !query.data && <Problem error={query.error} retry={() => void query.refetch()} />}
      <VirtualRows items={items} estimatePx={ROW_PX} keyOf={(item) => item.id}>
        {(item) => <ChangeRequestRow item={item} />}
      </VirtualRows>
      {query.hasNextPage && (
        <More
          shown={items.length}
          total={total}
          loading={query.isFetchingNextPage}
          onMore={() => void query.fetchNextPage({ cancelRefetch: false })}
        />
      )}
    </section>
  );
}

function NothingYet() {
  return (
    <Empty title="No change request yet.">
      <span>
        <Link className="button button-primary" to="/new">
          New change request
        </Link>
      </span>
      <span>Or from a terminal, in any git repository:</span>
      <pre className="terminal">changeline submit --repo . --title &quot;…&quot; --body &quot;…&quot;</pre>
    </Empty>
  );
}
