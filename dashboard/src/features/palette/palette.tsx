import { useState, type KeyboardEvent } from 'react';
import { useNavigate } from 'react-router';

import { Dialog } from '@/components/dialog';
import { useFound } from '@/features/palette/api/find';
import { useShortcutList } from '@/lib/shortcuts';
import { STATUS } from '@/lib/vocabulary';

interface Choice {
  id: string;
  label: string;
  hint: string;
  run: () => void;
}

interface Props {
  open: boolean;
  onClose: () => void;
}

/** Everything that can be done here, and every change request, by typing a few letters of it. */
export function Palette({ open, onClose }: Props) {
  return (
    <Dialog title="Command palette" open={open} onClose={onClose} className="palette">
      <Chooser onClose={onClose} />
    </Dialog>
  );
}

function Chooser({ onClose }: { onClose: () => void }) {
  const [words, setWords] = useState('');
  const [at, setAt] = useState(0);
  const choices = useChoices(words.trim().toLowerCase());
  const chosen = choices[Math.min(at, choices.length - 1)];
  const take = (choice: Choice | undefined) => {
    onClose();
    choice?.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setAt((Math.min(at, choices.length - 1) + step + choices.length) % Math.max(1, choices.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      take(chosen);
    }
  };
  return (
    <>
      <input
        className="input palette-input"
        role="combobox"
        aria-label="Command or change request"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={chosen && `palette-${chosen.id}`}
        placeholder="Type a command, or the title of a change request"
        autoFocus
        value={words}
        onChange={(event) => {
          setWords(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div id="palette-list" className="palette-list" role="listbox" aria-label="Choices">
        {choices.map((choice) => (
          <div
            key={choice.id}
            id={`palette-${choice.id}`}
            role="option"
            aria-selected={choice === chosen}
            className="palette-choice"
            onClick={() => take(choice)}
          >
            <span>{choice.label}</span>
            <span className="quiet">{choice.hint}</span>
          </div>
        ))}
      </div>
      {choices.length === 0 && <p className="palette-nothing quiet">Nothing matches.</p>}
    </>
  );
}

function useChoices(words: string): Choice[] {
  const navigate = useNavigate();
  const shortcuts = useShortcutList();
  const found = useFound(words);
  const commands = shortcuts
    .filter((one) => one.keys !== 'mod+k' && one.label.toLowerCase().includes(words))
    .map((one) => ({ id: one.keys.replaceAll(' ', '-'), label: one.label, hint: one.keys, run: one.run }));
  const requests = (words.length > 1 ? (found.data ?? []) : []).map((one) => ({
    id: one.id,
    label: one.title,
    hint: STATUS[one.status].label,
    run: () => void navigate(`/change-requests/${one.id}`),
  }));
  return [...commands, ...requests];
}
