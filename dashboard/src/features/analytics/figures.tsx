import type { Analytics } from '@/features/analytics/api/analytics';
import { CostPart } from '@/features/analytics/cost-part';
import { Part } from '@/features/analytics/part';
import { Bars, Columns } from '@/features/analytics/plots';
import { duration, usd } from '@/lib/format';
import { stageLabel } from '@/lib/vocabulary';

const GROUPS = ['repository', 'role', 'model'] as const;

export function Figures({ figures }: { figures: Analytics }) {
  return (
    <>
      <Tiles figures={figures} />
      <Throughput days={figures.throughput} />
      <Durations stages={figures.stages.filter((row) => row.runs > 0)} />
      <FirstPass stages={figures.stages.filter((row) => row.first_pass !== null)} />
      <Loops stages={figures.stages} />
      {GROUPS.map((by) => (
        <CostPart key={by} by={by} figures={figures} />
      ))}
    </>
  );
}

type Days = Analytics['throughput'];
type Stages = Analytics['stages'];

function Tiles({ figures }: { figures: Analytics }) {
  const { throughput, median_lead_s: lead } = figures;
  const spent = figures.by_model.reduce((all, row) => all + Number(row.spent_usd), 0);
  return (
    <dl className="tiles">
      <Tile name="Submitted" value={String(sum(throughput, 'submitted'))} />
      <Tile name="Completed" value={String(sum(throughput, 'completed'))} />
      <Tile name="Failed or cancelled" value={String(sum(throughput, 'failed') + sum(throughput, 'cancelled'))} />
      <Tile name="Median from submission to completion" value={lead === null ? '—' : duration(lead)} />
      <Tile name="Spent" value={usd(String(spent))} />
    </dl>
  );
}

const sum = (days: Days, name: 'submitted' | 'completed' | 'failed' | 'cancelled') => days.reduce((all, day) => all + day[name], 0);

function Tile({ name, value }: { name: string; value: string }) {
  return (
    <div className="tile">
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Throughput({ days }: { days: Days }) {
  const [submitted, completed] = [sum(days, 'submitted'), sum(days, 'completed')];
  const busiest = days.reduce((most, day) => (day.completed > most.completed ? day : most), days[0] ?? NO_DAY);
  const peak = completed > 0 ? `, most on ${busiest.day} (${busiest.completed})` : '';
  const ended = (day: Days[number]) => [day.completed, day.failed + day.cancelled];
  return (
    <Part
      title="Throughput per day (UTC)"
      sheets={[
        {
          label: 'per day',
          file: 'throughput',
          exact: days,
          head: ['Day', 'Submitted', 'Completed', 'Failed', 'Cancelled'],
          rows: days.map((day) => [day.day, ...[day.submitted, day.completed, day.failed, day.cancelled].map(String)]),
        },
      ]}
    >
      <Columns
        columns={days.map((day) => ({ label: day.day, values: ended(day) }))}
        series={['completed', 'failed or cancelled']}
        format={String}
        summary={`${submitted} submitted and ${completed} completed in ${days.length} days${peak}.`}
      />
    </Part>
  );
}

const NO_DAY: Days[number] = { day: '', submitted: 0, completed: 0, failed: 0, cancelled: 0 };

function Durations({ stages }: { stages: Stages }) {
  const slowest = stages.toSorted((one, other) => other.median_s - one.median_s)[0];
  return (
    <Part
      title="Time per stage"
      sheets={[
        {
          label: 'per stage',
          file: 'stage-durations',
          exact: stages.map(({ stage, runs, median_s, p95_s }) => ({ stage, runs, median_s, p95_s })),
          head: ['Stage', 'Runs', 'Median', '95 %'],
          rows: stages.map((row) => [stageLabel(row.stage), String(row.runs), duration(row.median_s), duration(row.p95_s)]),
        },
      ]}
    >
      <Bars
        bars={stages.map((row) => ({
          label: stageLabel(row.stage), value: row.median_s, reach: row.p95_s, shown: `${duration(row.median_s)} · ${duration(row.p95_s)}`,
        }))}
        series={['median', '95 of 100 runs take no longer']}
        summary={slowest ? `${stageLabel(slowest.stage)} takes longest: ${duration(slowest.median_s)} in the middle, ${duration(slowest.p95_s)} at the 95th percentile.` : ''}
      />
    </Part>
  );
}

function FirstPass({ stages }: { stages: Stages }) {
  const share = (row: Stages[number]) => row.first_pass ?? 0;
  const worst = stages.toSorted((one, other) => share(one) - share(other))[0];
  const percent = (row: Stages[number]) => `${Math.round(share(row) * 100)} %`;
  return (
    <Part
      title="First-pass rate per stage"
      sheets={[
        {
          label: 'per stage',
          file: 'first-pass',
          exact: stages.map(({ stage, change_requests, first_pass }) => ({ stage, change_requests, first_pass })),
          head: ['Stage', 'Change requests', 'Never sent back'],
          rows: stages.map((row) => [stageLabel(row.stage), String(row.change_requests), percent(row)]),
        },
      ]}
    >
      <Bars
        bars={stages.map((row) => ({ label: stageLabel(row.stage), value: share(row), shown: percent(row) }))}
        series={['never sent back']}
        top={1}
        summary={
          worst === undefined || share(worst) === 1
            ? 'No stage sent anything back.'
            : `${stageLabel(worst.stage)} sends back most often: ${percent(worst)} of change requests pass it without a loop.`
        }
      />
    </Part>
  );
}

function Loops({ stages }: { stages: Stages }) {
  const looping = stages.filter((row) => row.loops > 0).toSorted((one, other) => other.loops - one.loops);
  const all = looping.reduce((total, row) => total + row.loops, 0);
  const first = looping[0];
  return (
    <Part
      title="Loops per stage"
      sheets={[
        {
          label: 'per stage',
          file: 'loops',
          exact: looping.map(({ stage, loops, change_requests }) => ({ stage, loops, change_requests })),
          head: ['Stage', 'Loops', 'Change requests', 'Loops per change request'],
          rows: looping.map((row) => [
            stageLabel(row.stage), String(row.loops), String(row.change_requests), (row.loops / Math.max(1, row.change_requests)).toFixed(2),
          ]),
        },
      ]}
    >
      <Bars
        bars={looping.map((row) => ({ label: stageLabel(row.stage), value: row.loops, shown: String(row.loops) }))}
        series={['times that work was sent back']}
        summary={first ? `Work was sent back ${all} ${all === 1 ? 'time' : 'times'}, most often by ${stageLabel(first.stage).toLowerCase()} (${first.loops}).` : ''}
      />
    </Part>
  );
}
