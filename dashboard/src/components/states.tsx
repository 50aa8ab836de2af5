import type { ReactNode } from 'react';

import { Refusal } from '@/lib/api';

export function Loading({ what }: { what: string }) {
  return (
    <div className="state" role="status">
      <span className="pulse" aria-hidden="true" />
      Loading {what}…
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state state-empty">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

export function Problem({ error, retry }: { error: Error; retry?: () => void }) {
  const remedy = error instanceof Refusal ? error.remedy : null;
  return (
    <div className="state state-problem" role="alert">
      <strong>{error.message}</strong>
      {remedy !== null && <span>{remedy}</span>}
      {retry && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
