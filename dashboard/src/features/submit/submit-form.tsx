import { useId, useState } from 'react';
import { useNavigate } from 'react-router';

import { Problem } from '@/components/states';
import { useSubmit } from '@/features/submit/api/submit';
import { Preview } from '@/features/submit/preview';
import { TEMPLATES } from '@/features/submit/templates';
import { Refusal } from '@/lib/api';
import { useMay } from '@/lib/me';
import { useRepositories } from '@/lib/repositories';

export interface Filled {
  title: string;
  body: string;
  repository: string;
}

const OTHER = 'another';
const TITLE_MAX = 300;

/** The form keeps what was typed when the controller refuses; what it refuses stands where it belongs. */
export function SubmitForm({ initial }: { initial: Filled }) {
  const navigate = useNavigate();
  const [key] = useState(() => crypto.randomUUID());
  const [filled, setFilled] = useState(initial);
  const [branch, setBranch] = useState('');
  const submit = useSubmit(key);
  const may = useMay('operator');
  const set = (change: Partial<Filled>) => setFilled({ ...filled, ...change });
  const repository = branch.trim() === '' ? filled.repository : named(filled.repository, branch.trim());
  const send = (event: React.SyntheticEvent) => {
    event.preventDefault();
    const body = { title: filled.title.trim() || null, body: filled.body, repositories: [repository], source: 'web' };
    submit.mutate(body, { onSuccess: (made) => void navigate(`/change-requests/${made.id}`) });
  };
  const ready = filled.body.trim() !== '' && filled.repository.trim() !== '';
  return (
    <form className="submit" onSubmit={send}>
      <div className="submit-fields">
        <RepositoryField value={filled.repository} onChange={(value) => set({ repository: value })} />
        <label className="field">
          <span>Base branch (empty: the one of the repository)</span>
          <input className="input" value={branch} onChange={(event) => setBranch(event.target.value)} />
        </label>
        <label className="field">
          <span>Title (empty: the first line of the text)</span>
          <input className="input" maxLength={TITLE_MAX} value={filled.title} onChange={(event) => set({ title: event.target.value })} />
        </label>
        <div className="templates" role="group" aria-label="Templates">
          <span className="quiet">Begin with</span>
          {TEMPLATES.map(([name, body]) => (
            <button key={name} type="button" className="button button-quiet" onClick={() => set({ body: filled.body.trim() === '' ? body : `${filled.body}\n\n${body}` })}>
              {name}
            </button>
          ))}
        </div>
        <label className="field">
          <span>What should change, and why</span>
          <textarea rows={16} required value={filled.body} onChange={(event) => set({ body: event.target.value })} />
        </label>
        {submit.error && <Problem error={named409(submit.error)} />}
        <div className="buttons">
          <button type="submit" className="button button-primary" disabled={!ready || !may || submit.isPending}>
            {submit.isPending ? 'Looking at the repository…' : 'Submit'}
          </button>
          {!may && <span className="quiet">Submitting needs the operator role.</span>}
        </div>
      </div>
      <Preview filled={filled} />
    </form>
  );
}

function named(repository: string, base: string) {
  return /[/:\\]/.test(repository) ? { remote: repository, base_branch: base } : { name: repository, base_branch: base };
}

function named409(error: Error): Error {
  return error instanceof Refusal && error.status === 409 ? new Refusal(error.message, 409, error.remedy ?? 'Open the live one instead.') : error;
}

function RepositoryField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const known = useRepositories();
  const id = useId();
  const names = known.data?.map((one) => one.name) ?? [];
  const [other, setOther] = useState(value !== '' && !names.includes(value));
  const free = other || (known.data !== undefined && names.length === 0);
  return (
    <div className="field">
      <label htmlFor={id}>Repository</label>
      {names.length > 0 && (
        <select
          aria-label="Registered repository"
          value={free ? OTHER : value}
          onChange={(event) => {
            setOther(event.target.value === OTHER);
            onChange(event.target.value === OTHER ? '' : event.target.value);
          }}
        >
          <option value="">Choose…</option>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
          <option value={OTHER}>another one, by path or URL</option>
        </select>
      )}
      <input
        id={id}
        className="input"
        hidden={!free}
        placeholder="/srv/git/shop.git or https://…"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
