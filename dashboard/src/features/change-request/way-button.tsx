import { useId, useState } from 'react';

import type { Way } from '@/features/change-request/actions';

interface Props {
  way: Way;
  act: (way: Way) => void;
  disabled: boolean;
}

/** What cannot be taken back takes a second, deliberate press. */
export function WayButton({ way, act, disabled }: Props) {
  const [sure, setSure] = useState(false);
  const about = useId();
  const look = way.final ? 'button button-danger' : way.first ? 'button button-primary' : 'button';
  return (
    <>
      <button
        type="button"
        className={look}
        data-action={way.action}
        title={way.explanation}
        aria-describedby={about}
        disabled={disabled}
        onBlur={() => setSure(false)}
        onClick={() => (way.final && !sure ? setSure(true) : act(way))}
      >
        {sure ? `Press again: ${way.label.toLowerCase()} for good` : way.label}
      </button>
      <span id={about} className="visually-hidden">
        {way.explanation}
      </span>
    </>
  );
}
