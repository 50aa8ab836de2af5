import { useState } from 'react';
import { NavLink, Outlet, ScrollRestoration, useLocation, useNavigate, useNavigation } from 'react-router';

import { fetchAhead } from '@/app/pages';
import { useInboxSize } from '@/features/inbox/api/inbox';
import { Help } from '@/features/palette/help';
import { Palette } from '@/features/palette/palette';
import { useStreamState, type StreamState } from '@/lib/event-stream';
import { useMe } from '@/lib/me';
import { usePreferences, useTheme } from '@/lib/preferences';
import { useKeyboard, useShortcut } from '@/lib/shortcuts';
import { useIntent } from '@/lib/use-intent';

const STREAM_WORD: Record<StreamState, string> = { connecting: 'Connecting', live: 'Live', lost: 'Reconnecting' };

const PLACES = [
  ['/', 'Board', 'g r'],
  ['/inbox', 'Inbox', 'g i'],
  ['/repositories', 'Repositories', 'g p'],
  ['/analytics', 'Analytics', 'g a'],
  ['/learnings', 'Learnings', 'g l'],
  ['/stale-branches', 'Stale branches', 'g b'],
  ['/settings', 'Settings', 'g s'],
] as const;

export function Layout() {
  const stream = useStreamState();
  const [shown, setShown] = useState<'help' | 'palette' | null>(null);
  const opening = useNavigation().state !== 'idle';
  useTheme();
  useIntent(fetchAhead);
  useKeyboard(usePreferences().singleKeys);
  useShortcut('?', 'Keyboard help', () => setShown('help'));
  useShortcut('mod+k', 'Command palette', () => setShown('palette'));
  const close = () => setShown(null);
  return (
    <>
      <a className="skip-link" href="#content">
        Skip to content
      </a>
      <header className="top">
        <NavLink to="/" className="brand">
          <img src="/mark.svg" alt="" width="22" height="22" />
          <span className="brand-name">Changeline</span>
        </NavLink>
        <Places />
        <span className="top-end">
          <button type="button" className="button button-quiet palette-open" onClick={() => setShown('palette')}>
            <span>Commands</span> <kbd>Ctrl K</kbd>
          </button>
          <Person />
          <span className={`stream stream-${stream}`} role="status">
            <span className="stream-dot" aria-hidden="true" />
            {STREAM_WORD[stream]}
          </span>
        </span>
      </header>
      {stream === 'lost' && (
        <div className="offline" role="alert">
          The controller does not answer. This is what was known last; the page goes on by itself when it returns.
        </div>
      )}
      <div id="content" tabIndex={-1} aria-busy={opening}>
        {opening && <div className="opening" aria-hidden="true" />}
        <Outlet />
      </div>
      <Palette open={shown === 'palette'} onClose={close} />
      <Help open={shown === 'help'} onClose={close} />
      <ScrollRestoration />
    </>
  );
}

function Places() {
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const waiting = useInboxSize();
  useShortcut('g r', 'Go to the board', () => void navigate('/'));
  useShortcut('g i', 'Go to the inbox', () => void navigate('/inbox'));
  useShortcut('g p', 'Go to repositories', () => void navigate('/repositories'));
  useShortcut('g a', 'Go to analytics', () => void navigate('/analytics'));
  useShortcut('g l', 'Go to learnings', () => void navigate('/learnings'));
  useShortcut('g b', 'Go to stale branches', () => void navigate('/stale-branches'));
  useShortcut('g s', 'Go to settings', () => void navigate('/settings'));
  useShortcut('g n', 'New change request', () => void navigate('/new'));
  useShortcut('Escape', 'Back to the board', pathname === '/' ? null : () => void navigate('/'));
  return (
    <nav className="places" aria-label="Control room">
      {PLACES.map(([to, label, keys]) => (
        <NavLink key={to} to={to} end={to === '/'} title={`${label} (${keys})`}>
          {label}
          {to === '/inbox' && waiting > 0 && (
            <span className="places-count">
              {waiting}
              <span className="visually-hidden"> waiting</span>
            </span>
          )}
        </NavLink>
      ))}
    </nav>
  );
}

function Person() {
  const me = useMe();
  if (me.data === undefined) return null;
  return (
    <span className="person" title={`${me.data.roles.join(', ')} in ${me.data.tenant}`}>
      {me.data.name || me.data.id}
    </span>
  );
}
