import { Badge } from '@/components/badge';
import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useSpec } from '@/features/evidence/api/views';

export function SpecView({ id }: { id: string }) {
  return (
    <Loaded query={useSpec(id)} what="the specification">
      {(specs) =>
        specs.length === 0 ? (
          <Empty title="No specification yet." />
        ) : (
          latest(specs).map((spec) => (
            <section key={spec.repository}>
              <h3>
                {spec.repository}, revision {spec.revision}{' '}
                <Badge tone={spec.verified ? 'good' : 'calm'}>{spec.verified ? 'verified' : 'not verified yet'}</Badge>
              </h3>
              <pre className="code">
                {spec.feature.split('\n').map((line, index) => (
                  <GherkinLine key={index} line={line} />
                ))}
              </pre>
            </section>
          ))
        )
      }
    </Loaded>
  );
}

/** The newest revision of each repository; revisions come in ascending order. */
function latest<T extends { repository: string }>(specs: readonly T[]): T[] {
  return [...new Map(specs.map((spec) => [spec.repository, spec])).values()];
}

function GherkinLine({ line }: { line: string }) {
  const [, indent = '', word = '', rest = ''] = /^(\s*)(\S*)(.*)$/.exec(line) ?? [];
  const kind = word.startsWith('@') ? 'tag' : /^(Feature|Rule|Background|Scenario|Examples)/.test(word) ? 'title' : 'step';
  return (
    <span className={`gherkin gherkin-${kind}`}>
      {indent}
      <b>{word}</b>
      {rest}
      {'\n'}
    </span>
  );
}
