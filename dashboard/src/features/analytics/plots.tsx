import type { ReactNode } from 'react';

/** Series have these looks in this order; what comes after the last one is shown together. */
export const SERIES_MAX = 5;

interface Column {
  label: string;
  /** One value per series, from the bottom to the top. */
  values: number[];
}

interface ColumnsProps {
  columns: Column[];
  series: string[];
  /** What the plot tells, in a sentence; it stands beside it for everyone. */
  summary: string;
  format: (value: number) => string;
}

const [WIDTH, HEIGHT] = [720, 150];

/** Stacked columns over time. The figures themselves stand in the table below, and each column says its own. */
export function Columns({ columns, series, summary, format }: ColumnsProps) {
  const totals = columns.map(({ values }) => values.reduce((all, value) => all + value, 0));
  const top = Math.max(...totals, 0) || 1;
  const step = WIDTH / Math.max(1, columns.length);
  return (
    <Plot summary={summary} className="columns">
      <div className="columns-scale" aria-hidden="true">
        <span>{format(top)}</span>
        <span>{format(0)}</span>
      </div>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {columns.map(({ label, values }, index) => (
          <g key={label}>
            <title>{[label, ...values.map((value, at) => `${series[at] ?? ''}: ${format(value)}`)].join('\n')}</title>
            <rect className="column-space" x={index * step} y={0} width={step} height={HEIGHT} />
            {stacked(values, top).map(({ y, height }, at) => (
              <rect key={at} className={`series-${at}`} x={index * step + step * 0.1} y={y} width={step * 0.8} height={height} />
            ))}
          </g>
        ))}
        <line className="bar-line" x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
      </svg>
      <div className="columns-ends" aria-hidden="true">
        <span>{columns[0]?.label}</span>
        <span>{columns.at(-1)?.label}</span>
      </div>
      <Key series={series} />
    </Plot>
  );
}

function stacked(values: number[], top: number): { y: number; height: number }[] {
  let floor = HEIGHT;
  return values.map((value) => {
    const height = (value / top) * HEIGHT;
    floor -= height;
    // A line of the ground between two parts tells them apart without their colour.
    return { y: floor, height: Math.max(0, height - (height > 3 ? 1 : 0)) };
  });
}

export interface Bar {
  label: string;
  value: number;
  /** A second figure on the same scale that the value is not beyond, such as the 95th percentile. */
  reach?: number;
  shown: string;
}

interface BarsProps {
  bars: Bar[];
  summary: string;
  series: string[];
  /** The end of the scale; the largest figure if it is left out. */
  top?: number;
}

/** One bar per row with its name and figure as text, so that it reads the same on a phone. */
export function Bars({ bars, summary, series, top = Math.max(...bars.map((bar) => bar.reach ?? bar.value), 0) || 1 }: BarsProps) {
  const part = (value: number) => `${(100 * value) / top}%`;
  return (
    <Plot summary={summary} className="bars">
      <div className="bars-rows" aria-hidden="true">
        {bars.map(({ label, value, reach, shown }) => (
          <div className="bars-row" key={label}>
            <span className="bars-label">{label}</span>
            <svg width="100%" height="14">
              <rect className="bar-space" width="100%" height="14" rx="2" />
              {reach !== undefined && <rect className="series-1" y="4" width={part(reach)} height="6" rx="2" />}
              <rect className="series-0" width={part(value)} height="14" rx="2" />
            </svg>
            <span className="bars-shown">{shown}</span>
          </div>
        ))}
      </div>
      <Key series={series} />
    </Plot>
  );
}

function Key({ series }: { series: string[] }) {
  if (series.length < 2) return null;
  return (
    <ul className="plot-key" aria-hidden="true">
      {series.map((name, at) => (
        <li key={name}>
          <span className={`plot-swatch swatch-${at}`} /> {name}
        </li>
      ))}
    </ul>
  );
}

/** The drawing is for the eye; whoever does not see it has the sentence and the table. */
function Plot({ summary, className, children }: { summary: string; className: string; children: ReactNode }) {
  return (
    <figure className={`plot ${className}`}>
      <figcaption>{summary}</figcaption>
      {children}
    </figure>
  );
}
