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

/** Which rows of a long list are on the screen while the list scrolls in a box of its own. */
export function useBoxRows(count: number, estimatePx: number, box: RefObject<HTMLDivElement | null>): Virtualizer<HTMLDivElement, Element> {
  return useVirtualizer({ count, estimateSize: () => estimatePx, overscan: OVERSCAN, getScrollElement: () => box.current });
}
