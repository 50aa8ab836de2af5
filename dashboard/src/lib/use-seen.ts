import { useEffect, useRef, type RefObject } from 'react';

/** Calls `onSeen` whenever the element comes near the screen. */
export function useSeen<T extends Element>(onSeen: () => void): RefObject<T | null> {
  const ref = useRef<T>(null);
  const latest = useRef(onSeen);
  useEffect(() => {
    latest.current = onSeen;
  });
  useEffect(() => {
    if (!ref.current) return;
    const observer = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && latest.current(), {
      rootMargin: '400px',
    });
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return ref;
}
