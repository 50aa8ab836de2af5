import { useEffect, useState } from 'react';

interface Follow {
  /** The scrolling element once it is there; a state, so that what is windowed in it is drawn when it appears. */
  box: HTMLDivElement | null;
  setBox: (box: HTMLDivElement | null) => void;
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
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const [following, setFollowing] = useState(true);
  useEffect(() => {
    if (following && box) box.scrollTo({ top: box.scrollHeight });
  }, [newest, following, box]);
  const onScroll = () => {
    if (!box) return;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
    setFollowing(atEnd);
    if (!atEnd && box.scrollTop < NEAR_BEGINNING_PX) onBeginning();
  };
  return { box, setBox, following, onScroll, jump: () => setFollowing(true) };
}
