import type { ReactNode } from 'react';

import { Badge } from '@/components/badge';
import { sizeOf, type Change } from '@/features/release/content';
import { short } from '@/lib/format';

/** What speaks for the change in one repository. */
export function Proof({ change }: { change: Change }) {
  const kinds = (kind: string) => change.scenarios.filter((one) => one.kind === kind).length;
  return (
    <div className="card-what">
      <h3>Evidence: {change.name}</h3>
      <dl className="proof">
        <Row name="Change">
          {sizeOf(change)}, <code>{short(change.base)}</code> → <code>{short(change.head)}</code> into <code>{change.base_branch}</code>
        </Row>
        <Row name="Suite">{change.suite || 'not recorded'}</Row>
        {change.inverted && <Row name="Inverted">{change.inverted}</Row>}
        {change.neutral && <Row name="Neutral">{change.neutral}</Row>}
        {change.reverted && <Row name="Reverted">{change.reverted}</Row>}
        {change.mutated && <Row name="Mutated">{change.mutated}</Row>}
        <Row name="Scenarios">
          {`${kinds('change')} change, ${kinds('preserve')} preserve`}
          {change.scenarios.length > 0 && (
            <details>
              <summary className="quiet">each with its criterion</summary>
              <ul>
                {change.scenarios.map((one) => (
                  <li key={one.id}>
                    <code>{one.id}</code> {one.title}{' '}
                    {one.criteria.map((criterion) => (
                      <Badge key={criterion} tone="calm">
                        {criterion}
                      </Badge>
                    ))}
                  </li>
                ))}
              </ul>
            </details>
          )}
        </Row>
        <Row name="Review">
          {change.findings.length === 0 ? 'nothing open' : `${change.findings.length} open`}
          {change.resolved_findings > 0 && `, ${change.resolved_findings} resolved before`}
        </Row>
      </dl>
    </div>
  );
}

function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
