import { words } from '@/lib/format';
import type { Saying as Said } from '@/lib/live-text';

const SHOWN_CHARACTERS = 160;

/** The end of what each agent is saying now. Not for screen readers: its first line follows as an event. */
export function Saying({ said }: { said: Said[] }) {
  return (
    <div className="saying" aria-hidden="true">
      {said.map(({ agent, role, text }) => (
        <p key={agent}>
          <span className="event-who">{words(role)}</span> {lastWords(text)}
        </p>
      ))}
    </div>
  );
}

function lastWords(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > SHOWN_CHARACTERS ? `…${line.slice(-SHOWN_CHARACTERS)}` : line;
}
