import { Dialog } from '@/components/dialog';
import { prefer, usePreferences } from '@/lib/preferences';
import { useShortcutList } from '@/lib/shortcuts';

interface Props {
  open: boolean;
  onClose: () => void;
}

export function Help({ open, onClose }: Props) {
  const shortcuts = useShortcutList();
  const { singleKeys } = usePreferences();
  return (
    <Dialog title="Keyboard" open={open} onClose={onClose} className="help">
      <h2>Keyboard</h2>
      <dl className="keys">
        {shortcuts.map((one) => (
          <div key={one.keys}>
            <dt>
              {spoken(one.keys).map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{one.label}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>Enter</kbd>
          </dt>
          <dd>Open what has the focus</dd>
        </div>
      </dl>
      <label className="check">
        <input type="checkbox" checked={singleKeys} onChange={(event) => prefer({ singleKeys: event.target.checked })} />
        Single keys do something (Ctrl or Cmd + K always does)
      </label>
      <div className="buttons">
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function spoken(keys: string): string[] {
  return keys === 'mod+k' ? ['Ctrl/Cmd', 'K'] : keys.split(' ');
}
