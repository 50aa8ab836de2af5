import { Link, Outlet } from 'react-router';

import { useStreamState, type StreamState } from '@/lib/event-stream';

const STREAM_WORD: Record<StreamState, string> = { connecting: 'Connecting', live: 'Live', lost: 'Reconnecting' };

export function Layout() {
  const stream = useStreamState();
  return (
    <>
      <a className="skip-link" href="#content">
        Skip to content
      </a>
      <header className="top">
        <Link to="/" className="brand">
          <img src="/mark.svg" alt="" width="22" height="22" />
          Changeline
        </Link>
        <span className={`stream stream-${stream}`} role="status">
          <span className="stream-dot" aria-hidden="true" />
          {STREAM_WORD[stream]}
        </span>
      </header>
      {stream === 'lost' && (
        <div className="offline" role="alert">
          The controller does not answer. This is what was known last; the page goes on by itself when it returns.
        </div>
      )}
      <div id="content">
        <Outlet />
      </div>
    </>
  );
}
