import type { ReactNode } from 'react';

import { csvOf, download } from '@/features/analytics/csv';

/** The same figures twice: rounded for reading, exact for the file. */
export interface Sheet {
  label: string;
  /** The name of its file. */
  file: string;
  exact: Parameters<typeof csvOf>[0];
  head: string[];
  /** The first cell of each row names it. */
  rows: string[][];
  /** Stands open; otherwise it is unfolded by those who want it instead of the plot. */
  open?: boolean;
}

interface Props {
  title: string;
  sheets: Sheet[];
  children: ReactNode;
}

/** One subject: the plot, the same figures as tables, and each table as a file. */
export function Part({ title, sheets, children }: Props) {
  const filled = sheets.filter((sheet) => sheet.rows.length > 0);
  return (
    <section className="part" aria-label={title}>
      <div className="pane-head">
        <h2>{title}</h2>
        <span className="part-files">
          {filled.map((sheet) => (
            <button
              key={sheet.file}
              type="button"
              className="button button-quiet"
              aria-label={`CSV${sheets.length > 1 ? ` ${sheet.label}` : ''}: ${title}`}
              onClick={() => download(`changeline-${sheet.file}.csv`, csvOf(sheet.exact))}
            >
              CSV{sheets.length > 1 && ` ${sheet.label}`}
            </button>
          ))}
        </span>
      </div>
      {filled.length === 0 ? <p className="quiet">Nothing in this span.</p> : children}
      {filled.map((sheet) => (
        <Folded key={sheet.file} sheet={sheet} title={title} />
      ))}
    </section>
  );
}

function Folded({ sheet, title }: { sheet: Sheet; title: string }) {
  if (sheet.open) return <Table title={title} {...sheet} />;
  return (
    <details className="plot-table">
      <summary>As a table, {sheet.label}</summary>
      <Table title={title} {...sheet} />
    </details>
  );
}

function Table({ title, label, head, rows }: Sheet & { title: string }) {
  return (
    <div className="scroll" role="region" aria-label={`Table: ${title}, ${label}`} tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            {head.map((name, index) => (
              <th key={name} scope="col" className={index > 0 ? 'number' : ''}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, ...cells]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {cells.map((cell, index) => (
                <td key={head[index + 1]} className="number">
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
