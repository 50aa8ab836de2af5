import { useSearchParams } from 'react-router';

import { Loaded } from '@/components/loaded';
import { useAnalytics } from '@/features/analytics/api/analytics';
import { Figures } from '@/features/analytics/figures';
import { useRepositories } from '@/lib/repositories';
import { useTitle } from '@/lib/use-title';

const SPANS = [7, 30, 90, 365] as const;
const USUAL = 30;

/** Which figures are shown stands in the address, so that a link shows a colleague the same ones. */
export function AnalyticsPage() {
  const [params, setParams] = useSearchParams();
  const days = SPANS.find((span) => String(span) === params.get('days')) ?? USUAL;
  const repository = params.get('repository') ?? '';
  const query = useAnalytics(days, repository);
  useTitle('Analytics · Changeline');
  const set = (name: string, value: string) =>
    setParams(
      (now) => {
        const next = new URLSearchParams(now);
        if (value === '') next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  return (
    <main className="page">
      <div className="board-head">
        <h1>Analytics</h1>
        <div className="filters">
          <Repositories value={repository} onChange={(value) => set('repository', value)} />
          <select aria-label="Span" value={days} onChange={(event) => set('days', event.target.value)}>
            {SPANS.map((span) => (
              <option key={span} value={span}>
                last {span} days
              </option>
            ))}
          </select>
        </div>
      </div>
      <Loaded query={query} what="figures">
        {(figures) => <Figures figures={figures} />}
      </Loaded>
    </main>
  );
}

/** Also a repository that is not registered can be asked for: a change request may bring its own. */
function Repositories({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const known = (useRepositories().data ?? []).map((one) => one.name);
  const names = value === '' || known.includes(value) ? known : [value, ...known];
  return (
    <select aria-label="Repository" value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">All repositories</option>
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}
