import { useState } from 'react';

import type { Detail } from '@/features/change-request/api/get-change-request';

type Takeover = NonNullable<Detail['takeover']>;

/** The branches of a change request that a person took over, with the commands to type, each by itself: work lies between them. */
export function TakenOver({ takeover }: { takeover: Takeover }) {
  return (
    <dl className="facts">
      {takeover.repositories.map((one) => (
        <div key={one.name}>
          <dt>{`${one.name}: ${one.branch}`}</dt>
          <dd>{one.status === 'done' ? <Commands commands={one.commands} /> : one.message || 'It is being published.'}</dd>
          {one.status === 'done' && one.message !== '' && <dd>{one.message}</dd>}
        </div>
      ))}
    </dl>
  );
}

function Commands({ commands }: { commands: string[] }) {
  return (
    <ol className="commands">
      {commands.map((command) => (
        <li key={command}>
          <code>{command}</code>
          <Copy text={command} />
        </li>
      ))}
    </ol>
  );
}

function Copy({ text }: { text: string }) {
  const [said, setSaid] = useState('');
  const copy = () => navigator.clipboard.writeText(text).then(() => setSaid('Copied'), () => setSaid('Not allowed'));
  return (
    <>
      <button type="button" className="button button-quiet" aria-label={`Copy: ${text}`} onClick={() => void copy()}>
        Copy
      </button>
      <span role="status" className="quiet">
        {said}
      </span>
    </>
  );
}
