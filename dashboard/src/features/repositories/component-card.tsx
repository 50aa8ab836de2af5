import { Badge } from '@/components/badge';
import { SuiteFindings } from '@/features/repositories/suite-findings';
import type { Schemas } from '@/lib/api';
import { bytes, duration, words } from '@/lib/format';
import { VERDICT } from '@/lib/vocabulary';

type Component = Schemas['ComponentSurvey'];
type Trouble = Schemas['Trouble'];

/** One component: what it is made of and where that is said, what was installed, how its tests went. */
export function ComponentCard({ of, alone }: { of: Component; alone: boolean }) {
  const { label, tone } = VERDICT[of.verdict];
  const made = [of.language, of.package_manager, of.runner].filter((part, number, all) => part !== '' && all.indexOf(part) === number);
  return (
    <section className="survey" aria-label={alone ? 'Component' : `Component ${of.root}`}>
      <h2>
        {of.root === '.' ? 'The repository' : <code>{of.root}</code>} <span className="quiet">{made.join(' · ')}</span> {!alone && <Badge tone={tone}>{label}</Badge>}
      </h2>
      {of.trouble && <TroubleNote trouble={of.trouble} />}
      <div className="survey-columns">
        <dl className="facts">
          {of.suite && <Runs suite={of.suite} />}
          {of.versions.length > 0 && <Fact name="Versions" value={of.versions.map((one) => `${one.name} ${one.version}`).join(', ')} />}
          {of.trouble?.step !== 'installing' && <Fact name="Environment" value={`ready in ${duration(of.installing_s)}`} />}
          {of.depends_on.length > 0 && <Fact name="Uses" value={of.depends_on.join(', ')} />}
        </dl>
        <Values values={of.values} />
      </div>
      {of.suite && <SuiteFindings suite={of.suite} />}
      <Installed dependencies={of.dependencies} />
    </section>
  );
}

/** Why it went no further, in the tool's own words, and the one thing that helps. */
export function TroubleNote({ trouble }: { trouble: Trouble }) {
  return (
    <div className="survey-trouble" role="note" aria-label="What is in the way">
      <p>
        <strong>{trouble.message}</strong>
      </p>
      {trouble.command !== '' && <pre className="code">$ {trouble.command}</pre>}
      {trouble.remedy !== '' && (
        <p>
          <span className="survey-helps">What helps</span> {trouble.remedy}
        </p>
      )}
      {trouble.log_tail !== '' && (
        <details>
          <summary>End of the output</summary>
          <pre className="code scroll" tabIndex={0}>
            {trouble.log_tail}
          </pre>
        </details>
      )}
    </div>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Runs({ suite }: { suite: Schemas['Suite'] }) {
  const runs = suite.second ? [suite.first, suite.second] : [suite.first];
  const told = ({ passed, failed, skipped }: Schemas['SuiteRun']) =>
    [`${passed} passed`, ...(failed > 0 ? [`${failed} failed`] : []), ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ');
  const peak = Math.max(...runs.map((run) => run.memory_peak_bytes));
  return (
    <>
      <Fact name="Tests" value={suite.per_test ? String(suite.found) : 'told as a whole, by exit code: the weaker proof'} />
      {runs.map((run, number) => (
        <Fact key={number === 0 ? 'first' : 'second'} name={number === 0 ? 'First run' : 'Second run'} value={`${told(run)}, ${duration(run.duration_s)}`} />
      ))}
      {peak > 0 && <Fact name="Memory" value={`${bytes(peak)} at most`} />}
    </>
  );
}

/** What decides how it is built and tested, each with who says it. That the root is the root is said by the heading. */
function Values({ values }: { values: Schemas['Stated'][] }) {
  const told = values.filter((one) => one.name !== 'root' || one.value !== '.');
  if (told.length === 0) return null;
  return (
    <dl className="facts survey-values">
      {told.map((one) => (
        <div key={`${one.name} ${one.value} ${one.origin}`}>
          <dt>{words(one.name)}</dt>
          <dd>
            <code>{one.value}</code>
            <span className="quiet">
              {one.origin}
              {one.followed ? '' : ', a hint that is not followed'}
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Installed({ dependencies }: { dependencies: Schemas['DependencyShown'][] }) {
  if (dependencies.length === 0) return null;
  return (
    <details className="survey-more">
      <summary>What was installed, and why</summary>
      <ul>
        {dependencies.map((one) => (
          <li key={`${one.source} ${one.name} ${one.why}`}>
            <strong>{[words(one.source), one.name].filter(Boolean).join(' ')}</strong> {!one.taken && <Badge tone="attention">left out</Badge>}{' '}
            <span className="quiet">{one.why}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
