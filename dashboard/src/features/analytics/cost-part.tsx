import type { Analytics } from '@/features/analytics/api/analytics';
import { Part } from '@/features/analytics/part';
import { Columns, SERIES_MAX } from '@/features/analytics/plots';
import { named, spendingOf } from '@/features/analytics/series';
import { count, usd } from '@/lib/format';

interface Props {
  by: 'repository' | 'role' | 'model';
  figures: Analytics;
}

/** What was spent by whom: over time as a plot and a file, in all as the table. */
export function CostPart({ by, figures }: Props) {
  const groups = figures[`by_${by}`];
  const days = figures.throughput.map((day) => day.day);
  const { names, columns } = spendingOf(figures.cost_per_day[by], days, SERIES_MAX);
  const money = (value: number) => usd(String(value));
  const all = groups.reduce((total, row) => total + Number(row.spent_usd), 0);
  const first = groups[0];
  const share = first && all > 0 ? Math.round((100 * Number(first.spent_usd)) / all) : 0;
  const word = by.charAt(0).toUpperCase() + by.slice(1);
  const perDay = figures.cost_per_day[by];
  return (
    <Part
      title={`Cost by ${by}`}
      sheets={[
        {
          label: 'in all',
          file: `cost-by-${by}`,
          exact: groups,
          head: [word, 'Calls', 'Fresh input', 'From cache', 'Output', 'Cost'],
          rows: groups.map((row) => [
            named(row.name), String(row.calls), count(row.fresh_tokens), count(row.cached_tokens), count(row.output_tokens), usd(row.spent_usd),
          ]),
          open: true,
        },
        {
          label: 'per day',
          file: `cost-by-${by}-per-day`,
          exact: perDay,
          head: [`Day (UTC) and ${by}`, 'Calls', 'Cost'],
          rows: perDay.map((row) => [`${row.day} ${named(row.name)}`, String(row.calls), usd(row.spent_usd)]),
        },
      ]}
    >
      <Columns
        columns={columns}
        series={names}
        format={money}
        summary={first ? `${money(all)} in ${days.length} days, ${share} % of it for ${named(first.name)}.` : ''}
      />
    </Part>
  );
}
