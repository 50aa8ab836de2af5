import { Ago } from '@/components/ago';
import { Badge } from '@/components/badge';
import { Gherkin } from '@/components/gherkin';
import { Problem } from '@/components/states';
import { useGatesOf, type Gate } from '@/features/release/api/gates';
import { BaseMoves } from '@/features/release/moves';
import { changesOf, movesOf, type Change, type ReleaseContent } from '@/features/release/content';
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
  return (
    <section className="card" aria-label={`Decision: ${words(gate.kind)}`}>
      <h2>{words(gate.kind)}: your decision</h2>
      {before.map((one) => (
        <p key={one.id} className="voided">
          <Badge tone="attention">void</Badge> What was shown before (<code>{hashOf(one)}</code>) changed, so no decision on it counts. This
          is the present content.
        </p>
      ))}
      {gate.content.kind === 'release' ? <Release gate={gate} content={gate.content} /> : <Specs specs={gate.content.specs} />}
      <Decide gate={gate} barred={barred} />
    </section>
  );
}

function Release({ gate, content }: { gate: Gate; content: ReleaseContent }) {
  const changes = changesOf(content);
  const moves = movesOf(changes);
  const voided = content.void_approval;
  return (
    <>
      {voided !== null && (
        <p className="voided">
          <Badge tone="attention">void</Badge> {voided.decided_by} approved <code>{hash(voided.content_hash)}</code> <Ago at={voided.decided_at} />; the change had
          to be changed since, so that approval does not count. This is <code>{hashOf(gate)}</code>.
        </p>
      )}
      {moves.length > 0 && <BaseMoves moves={moves} />}
      <div className="card-columns">
        <What content={content} />
        <Risk content={content} changes={changes} />
        {changes.map((change) => (
          <Proof key={change.name} change={change} />
        ))}
      </div>
    </>
  );
}

function Specs({ specs }: { specs: Record<string, string> }) {
  return Object.entries(specs).map(([name, feature]) => (
    <div key={name}>
      <h3>{name}</h3>
      <Gherkin feature={feature} />
    </div>
  ));
}

function What({ content }: { content: ReleaseContent }) {
  return (
    <div className="card-what">
      <h3>What and why</h3>
      {content.summary !== '' && <p className="lead">{content.summary}</p>}
      <ul className="criteria">
        {content.criteria.map((criterion) => (
          <li key={criterion.id}>
            <code>{criterion.id}</code> {criterion.text}
          </li>
        ))}
      </ul>
      {content.request_changes.map((change) => (
        <p key={change} className="remark">
          {change}
        </p>
      ))}
      {content.cost_usd !== '' && <p className="quiet">It cost {usd(content.cost_usd)} so far.</p>}
    </div>
  );
}

function Risk({ content, changes }: { content: ReleaseContent; changes: Change[] }) {
  const remarks = [
    ...content.risk_flags.map((flag) => `${flag.risk} risk in the request, ${words(flag.pattern)}: “${flag.quote}”`),
    ...changes.flatMap((change) => change.findings.map((finding) => `${change.name}: ${finding}`)),
    ...changes.flatMap((change) => change.pre_existing_failures.map((test) => `${change.name}: ${test} failed before this change too`)),
    ...changes.flatMap((change) =>
      change.old_tests.map(
        (old) => `${change.name}: old test ${old.name === '' ? old.path : `${old.path}::${old.name}`} was ${old.decision} for ${old.scenario}`,
      ),
    ),
    ...changes.flatMap((change) => change.left_out.map((file) => `${change.name}: ${file} is left out of the change`)),
  ];
  if (changes.length === 0 && remarks.length === 0 && content.skipped.length === 0) return null;
  return (
    <div className="card-what">
      <h3>Risk</h3>
      {remarks.length === 0 && <p>No risk was flagged, and no finding is open.</p>}
      {remarks.map((remark) => (
        <p key={remark} className="remark">
          {remark}
        </p>
      ))}
      {changes.map((change) => (
        <RiskyFiles key={change.name} change={change} />
      ))}
      <h3>Skipped</h3>
      {content.skipped.length === 0 ? <p>Nothing was skipped.</p> : content.skipped.map((one) => <p key={one} className="remark">{one}</p>)}
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
