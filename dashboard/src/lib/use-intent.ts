import { useEffect } from 'react';

const SIGNS = ['pointerover', 'focusin', 'touchstart'] as const;

/** Tells when a pointer, the focus or a finger comes to a link of this application, by the path that it leads to. */
export function useIntent(onPath: (path: string) => void): void {
  useEffect(() => {
    const look = ({ target }: Event) => {
      const link = target instanceof Element ? target.closest('a[href]') : null;
      if (link instanceof HTMLAnchorElement && link.origin === globalThis.location.origin) onPath(link.pathname);
    };
    for (const sign of SIGNS) document.addEventListener(sign, look, { passive: true });
    return () => {
      for (const sign of SIGNS) document.removeEventListener(sign, look);
    };
  }, [onPath]);
}
