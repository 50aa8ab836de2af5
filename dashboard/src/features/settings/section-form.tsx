import { useState } from 'react';

import { Problem } from '@/components/states';
import { useChange, type Section } from '@/features/settings/api/settings';
import { Fields } from '@/features/settings/fields';
import { fieldsOf } from '@/features/settings/schema';
import { facts } from '@/lib/json';
import { useMay } from '@/lib/me';

/** The form of one section, made from the schema that also validates it. */
export function SectionForm({ section }: { section: Section }) {
  const [value, setValue] = useState(() => facts(section.value));
  const [note, setNote] = useState('');
  const change = useChange(section.section);
  const may = useMay('admin');
  const touched = JSON.stringify(value) !== JSON.stringify(section.value);
  const refused = /^\w+\.([\w.]+):/.exec(change.error?.message ?? '')?.[1] ?? '';
  const save = (event: React.SyntheticEvent) => {
    event.preventDefault();
    change.mutate({ value, version: section.version, note: note.trim() });
  };
  return (
    <form className="settings-form" onSubmit={save}>
      <fieldset className="setting-all" disabled={!may}>
        <legend className="visually-hidden">{section.section}</legend>
        <Fields fields={fieldsOf(section.json_schema)} value={value} onChange={setValue} refused={refused} />
      </fieldset>
      {!may && <p className="quiet">Changing settings needs the admin role.</p>}
      <label className="field">
        <span>Why (kept in the history)</span>
        <input className="input" maxLength={500} value={note} disabled={!may} onChange={(event) => setNote(event.target.value)} />
      </label>
      {change.error && <Problem error={change.error} />}
      <div className="buttons">
        <button type="submit" className="button button-primary" disabled={!may || !touched || change.isPending}>
          Save
        </button>
        <button type="button" className="button" disabled={!touched} onClick={() => setValue(facts(section.value))}>
          Undo
        </button>
        <span role="status" className="quiet">
          {change.isSuccess && !touched ? 'Saved. It holds for change requests that are submitted from now on.' : ''}
        </span>
      </div>
    </form>
  );
}
