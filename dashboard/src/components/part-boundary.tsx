import { Component, type ReactNode } from 'react';

import { PartMissing } from '@/lib/part';

const reload = () => globalThis.location.reload();

/** Says why a part of the application is not there, and what helps. */
export function PartProblem({ error, onReload = reload }: { error: PartMissing; onReload?: () => void }) {
  return (
    <div className="state state-problem" role="alert">
      <strong>{error.replaced ? 'A new version of the control room was installed.' : error.message}</strong>
      <span>
        {error.replaced
          ? 'This page belongs to the version before it. Reload it to go on with the new one.'
          : 'The controller does not answer, or the connection is down. Reload the page when it is back.'}
      </span>
      <button type="button" className="button" onClick={onReload}>
        Reload
      </button>
    </div>
  );
}

interface State {
  error: PartMissing | null;
}

/** Keeps a missing part from taking the page around it down. Other errors go on to the page's own boundary. */
export class PartBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    if (error instanceof PartMissing) return { error };
    throw error;
  }

  override render(): ReactNode {
    return this.state.error === null ? this.props.children : <PartProblem error={this.state.error} />;
  }
}
