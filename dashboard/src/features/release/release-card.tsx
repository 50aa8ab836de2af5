import { Ago } from '@/components/ago';
import { Badge } from '@/components/badge';
import { Gherkin } from '@/components/gherkin';
import { Problem } from '@/components/states';
import { useGatesOf, type Gate } from '@/features/release/api/gates';
import { BaseMoves } from '@/features/release/moves';
import { shownBy, type Change, type Shown } from '@/features/release/content';
import { Decide } from '@/features/release/decide';
import { Proof } from '@/features/release/proof';
import { riskOf } from '@/lib/diff';
import { short, usd, words } from '@/lib/format';

interface Props {
  id: string;
  /** Why this person cannot approve; null when nothing speaks against it. */
  barred: string | null;
}

/** The decisions that wait for a person on one change request; nothing when none does. */
export function ReleaseCards({ id, barred }: Props) {
  const open = useGatesOf(id, 'open');
  const gone = useGatesOf(id, 'void');
  if (open.error && !open.data) return <Problem error={open.error} retry={() => void open.refetch()} />;
  return open.data?.map((gate) => (
    <ReleaseCard key={`${gate.id}:${gate.content_hash}`} gate={gate} barred={barred} before={(gone.data ?? []).filter((one) => one.kind === gate.kind)} />
  ));
}

function ReleaseCard({ gate, barred, before }: { gate: Gate; barred: string | null; before: Gate[] }) {
  const shown = shownBy(gate.content);
  const moves = shown.changes.flatMap((change) => change.moves);
  return (
    <section className="card" aria-label={`Decision: ${words(gate.kind)}`}>
      <h2>{words(gate.kind)}: your decision</h2>
      {before.map((one) => (
        <p key={one.id} className="voided">
          <Badge tone="attention">void</Badge> What was shown before (<code>{hashOf(one)}</code>) changed, so no decision on it counts. This
          is the present content.
        </p>
      ))}
      {shown.voided !== null && (
        <p className="voided">
          <Badge tone="attention">void</Badge> {shown.voided.by} approved <code>{hash(shown.voided.hash)}</code> <Ago at={shown.voided.at} />; the change had to be
          changed since, so that approval does not count. This is <code>{hashOf(gate)}</code>.
        </p>
      )}
      {moves.length > 0 && <BaseMoves moves={moves} />}
      <div className="card-columns">
        <What shown={shown} />
        <Risk shown={shown} />
        {shown.changes.map((change) => (
          <Proof key={change.name} change={change} />
        ))}
      </div>
      {shown.features.map(([name, feature]) => (
        <div key={name}>
          <h3>{name}</h3>
          <Gherkin feature={feature} />
        </div>
      ))}
      {shown.request !== '' && <pre className="prose">{shown.request}</pre>}
      <Decide gate={gate} barred={barred} />
    </section>
  );
}

function What({ shown }: { shown: Shown }) {
  return (
    <div className="card-what">
      <h3>What and why</h3>
      {shown.summary !== '' && <p className="lead">{shown.summary}</p>}
      <ul className="criteria">
        {shown.criteria.map((criterion) => (
          <li key={criterion.id}>
            <code>{criterion.id}</code> {criterion.text}
          </li>
        ))}
      </ul>
      {shown.requestChanges.map((change) => (
        <p key={change} className="remark">
          {change}
        </p>
      ))}
      {shown.cost !== '' && <p className="quiet">It cost {usd(shown.cost)} so far.</p>}
    </div>
  );
}

function Risk({ shown }: { shown: Shown }) {
  const remarks = [
    ...shown.risks.map((flag) => `${flag.risk} risk in the request, ${words(flag.pattern)}: “${flag.quote}”`),
    ...shown.changes.flatMap((change) => change.findings.map((finding) => `${change.name}: ${finding}`)),
    ...shown.changes.flatMap((change) => change.preExisting.map((test) => `${change.name}: ${test} failed before this change too`)),
  ];
  if (shown.changes.length === 0 && remarks.length === 0 && shown.skipped.length === 0) return null;
  return (
    <div className="card-what">
      <h3>Risk</h3>
      {remarks.length === 0 && <p>No risk was flagged, and no finding is open.</p>}
      {remarks.map((remark) => (
        <p key={remark} className="remark">
          {remark}
        </p>
      ))}
      {shown.changes.map((change) => (
        <RiskyFiles key={change.name} change={change} />
      ))}
      <h3>Skipped</h3>
      {shown.skipped.length === 0 ? <p>Nothing was skipped.</p> : shown.skipped.map((one) => <p key={one} className="remark">{one}</p>)}
    </div>
  );
}

function RiskyFiles({ change }: { change: Change }) {
  const risky = change.files.filter((file) => riskOf(file.path) !== null);
  if (risky.length === 0) return null;
  return (
    <details>
      <summary>
        {risky.length} of {change.files.length} files in {change.name} deserve a closer look
      </summary>
      <ul className="files">
        {risky.map((file) => (
          <li key={file.path}>
            <Badge tone="attention">{riskOf(file.path)}</Badge> <code>{file.path}</code>
          </li>
        ))}
      </ul>
    </details>
  );
}

function hashOf(gate: Gate): string {
  return hash(gate.content_hash);
}

function hash(whole: string): string {
  return short(whole.replace('sha256:', ''));
}
