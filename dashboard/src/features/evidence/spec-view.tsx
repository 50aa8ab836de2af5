import { useState } from 'react';

import { Badge } from '@/components/badge';
import { Gherkin } from '@/components/gherkin';
import { useLineComments } from '@/components/line-comment';
import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useSpec } from '@/features/evidence/api/views';
import type { Schemas } from '@/lib/api';
import { textDiff } from '@/lib/diff';
import { grouped } from '@/lib/grouped';
import { facts, list, text } from '@/lib/json';

type Spec = Schemas['SpecView'];

export function SpecView({ id }: { id: string }) {
  return (
    <Loaded query={useSpec(id)} what="the specification">
      {(specs) =>
        specs.length === 0 ? (
          <Empty title="No specification yet." />
        ) : (
          byRepository(specs).map((revisions) => <Repository key={revisions[0]?.repository} id={id} revisions={revisions} />)
        )
      }
    </Loaded>
  );
}

function Repository({ id, revisions }: { id: string; revisions: Spec[] }) {
  const [chosen, choose] = useState<number | null>(null);
  const [compare, setCompare] = useState(false);
  const at = revisions.findIndex((spec) => spec.revision === chosen);
  const spec = revisions.at(at);
  const previous = at === 0 ? undefined : revisions.at(at - 1);
  if (spec === undefined) return null;
  return (
    <section>
      <div className="pane-head">
        <h3>
          {spec.repository}, revision {spec.revision}{' '}
          <Badge tone={spec.verified ? 'good' : 'calm'}>{spec.verified ? 'verified' : 'not verified yet'}</Badge>
        </h3>
        {revisions.length > 1 && (
          <select aria-label="Revision" value={spec.revision} onChange={(event) => choose(Number(event.target.value))}>
            {revisions.map((one) => (
              <option key={one.revision} value={one.revision}>
                revision {one.revision}
              </option>
            ))}
          </select>
        )}
        {previous !== undefined && (
          <label className="check">
            <input type="checkbox" checked={compare} onChange={(event) => setCompare(event.target.checked)} />
            what changed since revision {previous.revision}
          </label>
        )}
      </div>
      <Trace spec={spec} />
      {compare && previous !== undefined ? <Changes before={previous.feature} after={spec.feature} /> : <Feature id={id} spec={spec} />}
    </section>
  );
}

function Feature({ id, spec }: { id: string; spec: Spec }) {
  const comments = useLineComments(id);
  const placeOf = (number: number) => `spec of ${spec.repository}:${number}`;
  return (
    <Gherkin
      feature={spec.feature}
      gutter={(line, number) => (
        <span className="gutter">
          {line.trim() !== '' && comments.button(placeOf(number))}
          <span className="line-number">{number}</span>
        </span>
      )}
      below={(line, number) => comments.below(placeOf(number), line)}
    />
  );
}

function Changes({ before, after }: { before: string; after: string }) {
  return (
    <pre className="code diff" tabIndex={0}>
      {textDiff(before, after).map((line, index) => (
        <span key={index} className={`diff-line diff-${line.kind}`}>
          {{ added: '+', removed: '-', context: ' ', hunk: '', note: '' }[line.kind]}
          {line.text}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}

/** Which scenarios answer for each criterion, so that a criterion without one is seen. */
function Trace({ spec }: { spec: Spec }) {
  const scenarios = list(spec.spec['scenarios']).map(facts);
  const criteria = [...new Set(scenarios.flatMap((one) => list(one['criterion_ids']).map(text)))].toSorted();
  if (criteria.length === 0) return null;
  return (
    <ul className="trace" aria-label="Criterion trace">
      {criteria.map((criterion) => (
        <li key={criterion}>
          <Badge tone="calm">{criterion}</Badge>{' '}
          {scenarios
            .filter((one) => list(one['criterion_ids']).includes(criterion))
            .map((one) => (
              <span key={text(one['id'])} title={text(one['title'])} className="trace-scenario">
                {text(one['id'])}
              </span>
            ))}
        </li>
      ))}
    </ul>
  );
}

/** Revisions come in ascending order. */
function byRepository(specs: readonly Spec[]): Spec[][] {
  return grouped(specs, (spec) => spec.repository).map(([, revisions]) => revisions);
}
