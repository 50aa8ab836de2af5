import type { ReactNode } from 'react';

import { useDialog } from '@/lib/use-dialog';

interface Props {
  title: string;
  open: boolean;
  onClose: () => void;
  className?: string;
  children: ReactNode;
}

export function Dialog({ title, open, onClose, className = '', children }: Props) {
  const ref = useDialog(open);
  return (
    <dialog
      ref={ref}
      className={`dialog ${className}`}
      aria-label={title}
      onClose={onClose}
      onClick={(event) => event.target === event.currentTarget && onClose()}
    >
      {open && children}
    </dialog>
  );
}
