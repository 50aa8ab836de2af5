interface Bar {
  label: string;
  value: number;
  /** A larger figure that the value is part of, such as what was submitted. */
  behind: number;
}

const [WIDTH, HEIGHT] = [720, 120];

/** A plain bar chart; the same figures stand in the CSV, and each bar says its own. */
export function Bars({ title, bars }: { title: string; bars: Bar[] }) {
  const top = Math.max(1, ...bars.map((bar) => Math.max(bar.value, bar.behind)));
  const step = WIDTH / bars.length;
  const high = (value: number) => (value / top) * HEIGHT;
  return (
    <figure className="bars">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT + 2}`} role="img" aria-label={`${title}; the highest is ${top}`} preserveAspectRatio="none">
        {bars.map((bar, index) => (
          <g key={bar.label}>
            <title>{`${bar.label}: ${bar.value} completed, ${bar.behind} submitted`}</title>
            <rect className="bar-behind" x={index * step + 1} y={HEIGHT - high(bar.behind)} width={Math.max(1, step - 2)} height={high(bar.behind)} />
            <rect className="bar" x={index * step + 1} y={HEIGHT - high(bar.value)} width={Math.max(1, step - 2)} height={high(bar.value)} />
          </g>
        ))}
        <line className="bar-line" x1={0} x2={WIDTH} y1={HEIGHT + 1} y2={HEIGHT + 1} />
      </svg>
      <figcaption className="quiet">
        <span>{bars[0]?.label}</span>
        <span>
          <span className="bar-key bar-key-front" aria-hidden="true" /> completed <span className="bar-key" aria-hidden="true" /> submitted
        </span>
        <span>{bars.at(-1)?.label}</span>
      </figcaption>
    </figure>
  );
}
