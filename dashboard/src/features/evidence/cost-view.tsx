import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useCost } from '@/features/evidence/api/views';
import type { Schemas } from '@/lib/api';
import { count, usd, words } from '@/lib/format';

type Spending = Schemas['SpendingView'];

export function CostView({ id }: { id: string }) {
  return (
    <Loaded query={useCost(id)} what="the cost">
      {({ total, budget_usd, by_role, by_stage, by_model }) => (
        <>
          <p className="lead">
            {usd(total.spent_usd)} of {usd(budget_usd)} spent
            {Number(total.reserved_usd) > 0 && <span className="quiet">, {usd(total.reserved_usd)} reserved</span>}
          </p>
          <progress className="line wide" max={Number(budget_usd)} value={Number(total.spent_usd)} aria-label="Budget used" />
          {total.calls === 0 ? (
            <Empty title="No model was asked yet." />
          ) : (
            <>
              <Groups title="Role" lines={by_role} />
              <Groups title="Stage" lines={by_stage} />
              <Groups title="Model" lines={by_model} />
            </>
          )}
        </>
      )}
    </Loaded>
  );
}

function Groups({ title, lines }: { title: string; lines: Spending[] }) {
  return (
    <section>
      <table className="table table-cost">
        <thead>
          <tr>
            <th>{title}</th>
            <th className="number">Calls</th>
            <th className="number" title="Input tokens that were neither read from nor written to the cache">
              Fresh
            </th>
            <th className="number">Cache written</th>
            <th className="number">Cache read</th>
            <th className="number">Output</th>
            <th className="number">Cost</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <Line key={nameOf(line)} line={line} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Line({ line }: { line: Spending }) {
  return (
    <tr>
      <td>{nameOf(line)}</td>
      <td className="number">{line.calls}</td>
      <td className="number">{count(line.input_tokens)}</td>
      <td className="number">{count(line.cache_write_tokens)}</td>
      <td className="number">{count(line.cache_read_tokens)}</td>
      <td className="number">{count(line.output_tokens)}</td>
      <td className="number">
        {usd(line.spent_usd)}
        {line.estimated_calls > 0 && <span title="Output of cut calls was never reported"> (partly estimated)</span>}
      </td>
    </tr>
  );
}

function nameOf(line: Spending): string {
  return Object.values(line.group).map(words).join(', ');
}
