import { useEffect, useRef, useState, type RefObject } from 'react';

interface Follow {
  ref: RefObject<HTMLDivElement | null>;
  following: boolean;
  onScroll: () => void;
  jump: () => void;
}

const NEAR_PX = 40;
const NEAR_BEGINNING_PX = 1_500;

/**
 * Keeps a scrolling list at its end while it grows, until the reader scrolls away; `jump` goes back to the end. A reader who
 * scrolls towards the beginning gets what comes before it in time to go on scrolling.
 */
export function useFollow(newest: number | undefined, onBeginning: () => void): Follow {
  const ref = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  useEffect(() => {
    if (following && ref.current) ref.current.scrollTop = ref.current.scrollHeight;
  }, [newest, following]);
  const onScroll = () => {
    const list = ref.current;
    if (!list) return;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX;
    setFollowing(atEnd);
    if (!atEnd && list.scrollTop < NEAR_BEGINNING_PX) onBeginning();
  };
  return { ref, following, onScroll, jump: () => setFollowing(true) };
}
