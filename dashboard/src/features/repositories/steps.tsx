import { Problem } from '@/components/states';
import type { Schemas } from '@/lib/api';
import { useStopCheck, type Check } from '@/lib/checks';
import { duration } from '@/lib/format';
import { useMay } from '@/lib/me';
import { useNow } from '@/lib/use-now';

type Step = Schemas['SurveyStep'];

const STEPS: readonly (readonly [Step, string])[] = [
  ['waiting', 'Wait for its turn on this machine'],
  ['fetching', 'Fetch'],
  ['detecting', 'Look what it is made of'],
  ['installing', 'Build the environment'],
  ['first_run', 'Run the suite'],
  ['second_run', 'Run it again, to see what is flaky'],
];

/** Where a check is. It goes on without this page. */
export function Steps({ check }: { check: Check }) {
  const stop = useStopCheck(check.repository);
  const may = useMay('operator');
  const now = useNow(1_000);
  const progress = check.progress;
  const at = STEPS.findIndex(([step]) => step === progress?.step);
  const took = check.started_at ? Math.max(0, (now - Date.parse(check.started_at)) / 1_000) : 0;
  return (
    <section className="survey" aria-label="The check">
      <h2>
        Checking <span className="quiet">{duration(took)}</span>
      </h2>
      <ol className="survey-steps">
        {STEPS.map(([step, label], number) => (
          <li key={step} className={number < at ? 'is-done' : number === at ? 'is-now' : ''} aria-current={number === at ? 'step' : undefined}>
            {label}
            {number === at && progress && progress.components > 1 ? ` in ${progress.component} (${progress.number} of ${progress.components})` : ''}
          </li>
        ))}
      </ol>
      <p className="visually-hidden" role="status">
        {STEPS[at]?.[1] ?? 'Beginning'}
      </p>
      {may && (
        <button type="button" className="button" disabled={stop.isPending || stop.isSuccess} onClick={() => stop.mutate()}>
          {stop.isSuccess ? 'Stopping…' : 'Stop the check'}
        </button>
      )}
      {stop.error && <Problem error={stop.error} />}
    </section>
  );
}
