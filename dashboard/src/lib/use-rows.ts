import { useVirtualizer, useWindowVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useRef, useState, type RefObject } from 'react';

const OVERSCAN = 12;

interface WindowRows {
  ref: RefObject<HTMLUListElement | null>;
  rows: Virtualizer<Window, Element>;
  margin: number;
}

/** Which rows of a long list are on the screen while the page itself scrolls. */
export function useWindowRows(count: number, estimatePx: number): WindowRows {
  const ref = useRef<HTMLUListElement>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    const top = (ref.current?.getBoundingClientRect().top ?? 0) + window.scrollY;
    setMargin(Math.round(top));
  }, [count]);
  const rows = useWindowVirtualizer({ count, estimateSize: () => estimatePx, overscan: OVERSCAN, scrollMargin: margin });
  return { ref, rows, margin };
}

const LOG_ROW_PX = 25;

/**
 * Which rows of a log are on the screen while it scrolls in a box of its own. It begins at its end, and stays where the
 * reader is when rows come before those on the screen.
 */
export function useLogRows(
  count: number,
  keyOf: (index: number) => number,
  box: HTMLDivElement | null,
): Virtualizer<HTMLDivElement, Element> {
  return useVirtualizer({
    count,
    getItemKey: keyOf,
    estimateSize: () => LOG_ROW_PX,
    initialOffset: () => count * LOG_ROW_PX,
    overscan: OVERSCAN,
    anchorTo: 'end',
    getScrollElement: () => box,
  });
}
