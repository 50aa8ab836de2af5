import { useId } from 'react';

import { blankOf, type Field } from '@/features/settings/schema';
import { facts, list, text, type Facts } from '@/lib/json';

interface Props {
  fields: Field[];
  value: Facts;
  onChange: (value: Facts) => void;
  /** The field that the controller refused, as its path within the section. */
  refused: string;
}

export function Fields({ fields, value, onChange, refused }: Props) {
  return fields.map((field) => (
    <One
      key={field.name}
      field={field}
      value={value[field.name]}
      onChange={(next) => onChange({ ...value, [field.name]: next })}
      refused={refused === field.name || refused.startsWith(`${field.name}.`) ? refused : ''}
    />
  ));
}

interface OneProps {
  field: Field;
  value: unknown;
  onChange: (value: unknown) => void;
  refused: string;
}

function One({ field, value, onChange, refused }: OneProps) {
  const id = useId();
  if (field.kind === 'group') {
    return (
      <fieldset className="setting-group">
        <legend>{field.label}</legend>
        <Fields fields={field.fields} value={facts(value)} onChange={onChange} refused={refused.split('.').slice(1).join('.')} />
      </fieldset>
    );
  }
  if (field.kind === 'list') return <Items field={field} value={list(value)} onChange={onChange} />;
  return (
    <div className="setting">
      <label htmlFor={id}>{field.label}</label>
      <Input id={id} field={field} value={value} onChange={onChange} invalid={refused !== ''} />
      {field.about !== '' && field.kind !== 'choice' && <p className="quiet">{field.about}</p>}
    </div>
  );
}

interface InputProps extends Omit<OneProps, 'refused'> {
  id: string;
  invalid: boolean;
}

function Input({ id, field, value, onChange, invalid }: InputProps) {
  switch (field.kind) {
    case 'boolean':
      return <input id={id} type="checkbox" checked={value === true} onChange={(event) => onChange(event.target.checked)} />;
    case 'choice':
      return (
        <select id={id} value={text(value)} aria-invalid={invalid} onChange={(event) => onChange(event.target.value)}>
          {field.choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      );
    case 'integer':
    case 'number':
      return (
        <input
          id={id}
          className="input"
          type="number"
          step={field.kind === 'integer' ? 1 : 'any'}
          min={field.minimum ?? undefined}
          max={field.maximum ?? undefined}
          value={text(value)}
          aria-invalid={invalid}
          onChange={(event) => onChange(event.target.value === '' ? '' : Number(event.target.value))}
        />
      );
    default:
      return <input id={id} className="input" value={text(value)} aria-invalid={invalid} onChange={(event) => onChange(event.target.value)} />;
  }
}

/** A list whose order matters, such as a chain of providers. */
function Items({ field, value, onChange }: { field: Field; value: unknown[]; onChange: (value: unknown) => void }) {
  const put = (at: number, item: unknown) => onChange(value.map((one, index) => (index === at ? item : one)));
  return (
    <fieldset className="setting-group">
      <legend>{field.label}, in this order</legend>
      {value.map((item, index) => (
        <div key={index} className="setting-item">
          {field.fields.length > 0 ? (
            <Fields fields={field.fields} value={facts(item)} onChange={(next) => put(index, next)} refused="" />
          ) : (
            <input className="input" aria-label={`${field.label} ${index + 1}`} value={text(item)} onChange={(event) => put(index, event.target.value)} />
          )}
          <button type="button" className="button button-quiet" aria-label={`Remove ${field.label} ${index + 1}`} onClick={() => onChange(value.toSpliced(index, 1))}>
            Remove
          </button>
        </div>
      ))}
      <button type="button" className="button button-quiet" onClick={() => onChange([...value, field.fields.length > 0 ? blankOf(field.fields) : ''])}>
        Add
      </button>
    </fieldset>
  );
}
