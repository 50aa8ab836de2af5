import { Link, useSearchParams } from 'react-router';

import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useChangeRequest } from '@/features/change-request/api/get-change-request';
import { DecisionScreen } from '@/features/change-request/decision-screen';
import { Header } from '@/features/change-request/header';
import { useDeadEffects, useGates, usePaused } from '@/features/inbox/api/inbox';
import { EffectCard } from '@/features/inbox/effect-card';
import { InboxList } from '@/features/inbox/inbox-list';
import { itemsOf, type Item } from '@/features/inbox/items';
import { barred, ReleaseCards } from '@/app/routes/gates';
import { useMe } from '@/lib/me';
import { useRowKeys } from '@/lib/shortcuts';
import { useTitle } from '@/lib/use-title';

export function InboxPage() {
  const [gates, paused, effects] = [useGates(), usePaused(), useDeadEffects()];
  const [params] = useSearchParams();
  const items = itemsOf(gates.data ?? [], paused.data ?? [], effects.data ?? []);
  useTitle(items.length > 0 ? `(${items.length}) Inbox · Changeline` : 'Inbox · Changeline');
  useRowKeys();
  const asked = params.get('item');
  const open = items.find((item) => item.id === asked) ?? items[0];
  return (
    <main className="page">
      <h1 className="page-title">Inbox</h1>
      <Loaded query={gates} what="decisions">
        {() => (
          <Loaded query={paused} what="what stopped">
            {() => (open === undefined ? <Nothing /> : <Open items={items} open={open} />)}
          </Loaded>
        )}
      </Loaded>
    </main>
  );
}

function Open({ items, open }: { items: Item[]; open: Item }) {
  return (
    <div className="inbox">
      <InboxList items={items} open={open} />
      <div className="inbox-open">{open.effect ? <EffectCard effect={open.effect} /> : <Decision key={open.id} item={open} />}</div>
    </div>
  );
}

function Decision({ item }: { item: Item }) {
  const detail = useChangeRequest(item.changeRequest);
  const me = useMe();
  return (
    <Loaded query={detail} what="the change request">
      {(of) => (
        <>
          <Header of={of} level={2} />
          {of.status === 'paused' ? <DecisionScreen of={of} /> : <ReleaseCards id={of.id} barred={barred(of, me.data)} />}
          <p className="inbox-more">
            <Link to={`/change-requests/${of.id}`}>Open the change request</Link>
            <Link to={`/change-requests/${of.id}?tab=diff`}>Diff</Link>
            <Link to={`/change-requests/${of.id}?tab=spec`}>Spec</Link>
            <Link to={`/change-requests/${of.id}?tab=tests`}>Tests</Link>
          </p>
        </>
      )}
    </Loaded>
  );
}

function Nothing() {
  return (
    <Empty title="Nothing waits for you.">
      <span>Decisions, clarifications and stops appear here by themselves.</span>
    </Empty>
  );
}
