import { useState } from 'react';

import { Badge } from '@/components/badge';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { useCourse } from '@/features/change-request/api/get-events';
import { useRequestTexts } from '@/lib/request-texts';
import { EditRequest } from '@/features/change-request/edit-request';
import { flagsOf, marked, readable } from '@/features/change-request/flags';
import { RequestTexts } from '@/components/request-texts';
import { words } from '@/lib/format';
import { useMay } from '@/lib/me';
import { useShortcut } from '@/lib/shortcuts';

/** The request with the suspicious passages marked: approve it as it is, edit it, or reject it. */
export function Screening({ of, toward }: { of: Detail; toward: (action: string) => void }) {
  const course = useCourse(of.id);
  const texts = useRequestTexts(of.id, of.request_revision > 1);
  const [editing, setEditing] = useState(false);
  const may = useMay('operator') && of.actions.some((one) => one.action === 'edit');
  useShortcut('a', 'Approve the text as it is (then Enter)', () => toward('resume'));
  useShortcut('e', 'Edit the text', may ? () => setEditing(true) : null);
  useShortcut('r', 'Reject the request (then Enter twice)', () => toward('cancel'));
  const flags = flagsOf(of.pause?.facts ?? {}, course.data?.events ?? [], `${of.title}\n\n${of.body}`);
  const quotes = flags.map((flag) => flag.quote);
  return (
    <div className="screening">
      <ul>
        {flags.map((flag) => (
          <li key={`${flag.pattern}:${flag.quote}`}>
            <Badge tone={flag.risk === 'high' ? 'bad' : 'attention'}>{flag.risk} risk</Badge> {words(flag.pattern)}: <q>{readable(flag.quote)}</q>
            {flag.explanation && <p className="quiet">{flag.explanation}</p>}
          </li>
        ))}
      </ul>
      {editing ? (
        <EditRequest of={of} close={() => setEditing(false)} />
      ) : (
        <>
          <p className="lead">
            <Marked text={of.title} quotes={quotes} />
          </p>
          <pre className="prose" tabIndex={0}>
            <Marked text={of.body} quotes={quotes} />
          </pre>
          {may && (
            <p>
              <button type="button" className="button" onClick={() => setEditing(true)}>
                Edit the text
              </button>
            </p>
          )}
        </>
      )}
      {texts.data && texts.data.items.length > 1 && (
        <details open>
          <summary>Every text of this request</summary>
          <RequestTexts items={texts.data.items} inUse={texts.data.in_use} />
        </details>
      )}
    </div>
  );
}

function Marked({ text, quotes }: { text: string; quotes: readonly string[] }) {
  return marked(text, quotes).map((part, index) => (part.suspicious ? <mark key={index}>{part.text}</mark> : <span key={index}>{part.text}</span>));
}
