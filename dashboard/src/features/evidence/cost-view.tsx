import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useCost } from '@/features/evidence/api/views';
import type { Schemas } from '@/lib/api';
import { count, usd, words } from '@/lib/format';
import { stageLabel } from '@/lib/vocabulary';

type Line = Schemas['CostLine'];

export function CostView({ id }: { id: string }) {
  return (
    <Loaded query={useCost(id)} what="the cost">
      {(cost) => (
        <section>
          <p className="lead">
            {usd(cost.spent_usd)} of {usd(cost.budget_usd)} spent
            {Number(cost.reserved_usd) > 0 && <span className="quiet">, {usd(cost.reserved_usd)} reserved</span>}
          </p>
          <progress className="line wide" max={Number(cost.budget_usd)} value={Number(cost.spent_usd)} aria-label="Budget used" />
          {cost.lines.length === 0 ? <Empty title="No model was asked yet." /> : <Lines lines={cost.lines} />}
        </section>
      )}
    </Loaded>
  );
}

function Lines({ lines }: { lines: Line[] }) {
  return (
    <table className="table">
      <thead>
        <tr>
          <th>Role</th>
          <th>Model</th>
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
        {lines.map((line, index) => (
          <tr key={index}>
            <td>
              <strong>{words(line.role)}</strong>
              <div className="quiet">{[stageLabel(line.stage), line.repository].filter(Boolean).join(' · ')}</div>
            </td>
            <td>{line.model}</td>
            <td className="number">{line.calls}</td>
            <td className="number">{count(line.input_tokens)}</td>
            <td className="number">{count(line.cache_write_tokens)}</td>
            <td className="number">{count(line.cache_read_tokens)}</td>
            <td className="number">{count(line.output_tokens)}</td>
            <td className="number">
              {usd(line.cost_usd)}
              {line.estimated && <span title="A cut call's output was never reported"> (estimated)</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
