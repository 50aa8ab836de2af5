import { useEffect, useRef, type RefObject } from 'react';

/** A native modal dialog: the browser traps the focus, closes it on Escape and gives the focus back. */
export function useDialog(open: boolean): RefObject<HTMLDialogElement | null> {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog || dialog.open === open) return;
    if (open) dialog.showModal();
    else dialog.close();
  }, [open]);
  return ref;
}
