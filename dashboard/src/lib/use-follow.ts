import { useEffect, useRef, useState, type RefObject } from 'react';

interface Follow {
  ref: RefObject<HTMLDivElement | null>;
  following: boolean;
  onScroll: () => void;
  jump: () => void;
}

const NEAR_PX = 40;

/** Keeps a scrolling list at its end while it grows, until the reader scrolls away; `jump` goes back to the end. */
export function useFollow(length: number): Follow {
  const ref = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  useEffect(() => {
    if (following && ref.current) ref.current.scrollTop = ref.current.scrollHeight;
  }, [length, following]);
  const onScroll = () => {
    const list = ref.current;
    if (list) setFollowing(list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX);
  };
  return { ref, following, onScroll, jump: () => setFollowing(true) };
}
