import type { ReactNode } from 'react';

import { useWindowRows } from '@/lib/use-rows';

/** Up to this many rows are simply there, so that the browser's own search finds them. */
const PLAIN_MAX = 120;

interface Props<T> {
  items: readonly T[];
  estimatePx: number;
  keyOf: (item: T) => string;
  children: (item: T) => ReactNode;
}

/** A list that stays fast at any length: only what is near the screen exists. */
export function VirtualRows<T>(props: Props<T>) {
  const { items, keyOf, children } = props;
  if (items.length > PLAIN_MAX) return <Windowed {...props} />;
  return (
    <ul className="rows">
      {items.map((item) => (
        <li key={keyOf(item)}>{children(item)}</li>
      ))}
    </ul>
  );
}

function Windowed<T>({ items, estimatePx, keyOf, children }: Props<T>) {
  const { ref, rows, margin } = useWindowRows(items.length, estimatePx);
  return (
    <ul className="rows rows-windowed" ref={ref} style={{ height: rows.getTotalSize() }}>
      {rows.getVirtualItems().map((row) => {
        const item = items[row.index];
        return item === undefined ? null : (
          <li
            key={keyOf(item)}
            ref={rows.measureElement}
            data-index={row.index}
            aria-setsize={items.length}
            aria-posinset={row.index + 1}
            style={{ transform: `translateY(${row.start - margin}px)` }}
          >
            {children(item)}
          </li>
        );
      })}
    </ul>
  );
}
