import { useSearchParams } from 'react-router';

import { Loaded } from '@/components/loaded';
import { useAnalytics, type Analytics } from '@/features/analytics/api/analytics';
import { csvOf, download } from '@/features/analytics/csv';
import { Bars } from '@/features/analytics/bars';
import { count, duration, usd, words } from '@/lib/format';
import { useTitle } from '@/lib/use-title';
import { stageLabel } from '@/lib/vocabulary';

const SPANS = [7, 30, 90, 365] as const;

export function AnalyticsPage() {
  const [params, setParams] = useSearchParams();
  const days = SPANS.find((span) => String(span) === params.get('days')) ?? 30;
  const query = useAnalytics(days);
  useTitle('Analytics · Changeline');
  return (
    <main className="page">
      <div className="board-head">
        <h1>Analytics</h1>
        <select aria-label="Span" value={days} onChange={(event) => setParams({ days: event.target.value }, { replace: true })}>
          {SPANS.map((span) => (
            <option key={span} value={span}>
              last {span} days
            </option>
          ))}
        </select>
      </div>
      <Loaded query={query} what="figures">
        {(figures) => <Figures figures={figures} />}
      </Loaded>
    </main>
  );
}

function Figures({ figures }: { figures: Analytics }) {
  const sum = (name: 'submitted' | 'completed' | 'failed' | 'cancelled') => figures.throughput.reduce((all, day) => all + day[name], 0);
  const spent = figures.by_model.reduce((all, row) => all + Number(row.spent_usd), 0);
  return (
    <>
      <dl className="tiles">
        <Tile name="Submitted" value={String(sum('submitted'))} />
        <Tile name="Completed" value={String(sum('completed'))} />
        <Tile name="Failed or cancelled" value={String(sum('failed') + sum('cancelled'))} />
        <Tile name="Median from submission to completion" value={figures.median_lead_s === null ? '—' : duration(figures.median_lead_s)} />
        <Tile name="Spent" value={usd(String(spent))} />
      </dl>
      <Part title="Throughput per day (UTC)" name="throughput" rows={figures.throughput}>
        <Bars title="Completed per day" bars={figures.throughput.map((day) => ({ label: day.day, value: day.completed, behind: day.submitted }))} />
      </Part>
      <Part title="Stages" name="stages" rows={figures.stages}>
        <Table
          head={['Stage', 'Runs', 'Median', '90 %', 'First pass', 'Loops']}
          rows={figures.stages.map((row) => [
            stageLabel(row.stage), String(row.runs), duration(row.median_s), duration(row.p90_s),
            row.first_pass === null ? '—' : `${Math.round(row.first_pass * 100)} %`, String(row.loops),
          ])}
        />
      </Part>
      {([['repository', figures.by_repository], ['role', figures.by_role], ['model', figures.by_model]] as const).map(([by, rows]) => (
        <Part key={by} title={`Cost by ${by}`} name={`cost-by-${by}`} rows={rows}>
          <Table
            head={[by, 'Calls', 'Fresh input', 'From cache', 'Output', 'Cost']}
            rows={rows.map((row) => [
              row.name === '' ? 'the whole change request' : words(row.name), String(row.calls), count(row.fresh_tokens), count(row.cached_tokens),
              count(row.output_tokens), usd(row.spent_usd),
            ])}
          />
        </Part>
      ))}
    </>
  );
}

function Tile({ name, value }: { name: string; value: string }) {
  return (
    <div className="tile">
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

interface PartProps {
  title: string;
  name: string;
  rows: Parameters<typeof csvOf>[0];
  children: React.ReactNode;
}

function Part({ title, name, rows, children }: PartProps) {
  return (
    <section className="part" aria-label={title}>
      <div className="pane-head">
        <h2>{title}</h2>
        <button type="button" className="button button-quiet" disabled={rows.length === 0} onClick={() => download(`changeline-${name}.csv`, csvOf(rows))}>
          CSV
        </button>
      </div>
      {rows.length === 0 ? <p className="quiet">Nothing yet.</p> : children}
    </section>
  );
}

function Table({ head, rows }: { head: string[]; rows: string[][] }) {
  return (
    <div className="scroll">
      <table className="table">
        <thead>
          <tr>
            {head.map((name, index) => (
              <th key={name} className={index > 0 ? 'number' : ''}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells) => (
            <tr key={cells[0]}>
              {cells.map((cell, index) => (
                <td key={head[index]} className={index > 0 ? 'number' : ''}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
