import { useState } from 'react';

import { saveDraft, useDrafts } from '@/lib/drafts';

interface Place {
  id: string;
  place: string;
  line: string;
}

/** A remark on one line: the button in the gutter, and under the line what was written. */
export function useLineComments(id: string) {
  const [open, setOpen] = useState<string | null>(null);
  const drafts = useDrafts(id);
  return {
    button: (place: string) => (
      <button type="button" className="comment-button" aria-label={`Comment on ${place}`} onClick={() => setOpen(place)}>
        +
      </button>
    ),
    below: (place: string, line: string) => {
      if (open === place) return <Editor at={{ id, place, line }} onClose={() => setOpen(null)} />;
      const draft = drafts.find((one) => one.place === place);
      return draft && <Written text={draft.text} onEdit={() => setOpen(place)} />;
    },
  };
}

function Editor({ at, onClose }: { at: Place; onClose: () => void }) {
  const before = useDrafts(at.id).find((one) => one.place === at.place)?.text ?? '';
  const [text, setText] = useState(before);
  const save = () => {
    saveDraft(at.id, { place: at.place, line: at.line, text });
    onClose();
  };
  return (
    <div className="comment">
      <textarea rows={2} autoFocus aria-label={`Comment on ${at.place}`} value={text} onChange={(event) => setText(event.target.value)} />
      <div className="buttons">
        <button type="button" className="button button-primary" onClick={save}>
          Keep
        </button>
        <button type="button" className="button" onClick={onClose}>
          Leave
        </button>
        <span className="quiet">Comments are sent together, as one instruction.</span>
      </div>
    </div>
  );
}

function Written({ text, onEdit }: { text: string; onEdit: () => void }) {
  return (
    <div className="comment comment-written">
      <span>{text}</span>
      <button type="button" className="button button-quiet" onClick={onEdit}>
        Edit
      </button>
    </div>
  );
}
