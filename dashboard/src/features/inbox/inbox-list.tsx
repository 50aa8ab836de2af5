import { Link } from 'react-router';

import { Ago } from '@/components/ago';
import type { Item } from '@/features/inbox/items';

export function InboxList({ items, open }: { items: Item[]; open: Item | undefined }) {
  return (
    <nav className="inbox-list" aria-label="Waiting for you">
      <ul>
        {items.map((item) => (
          <li key={item.id}>
            <Link className="inbox-item" data-row replace to={`?item=${item.id}`} aria-current={item === open ? 'true' : undefined}>
              <span className="inbox-what">{item.what}</span>
              <span className="inbox-title">{item.title}</span>
              <span className="quiet">
                <code>{item.changeRequest}</code> {item.since !== null && <Ago at={item.since} />}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
