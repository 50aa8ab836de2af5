import { CheckNote } from '@/components/check-note';
import { ScriptedBadge } from '@/components/scripted-badge';
import { useRules } from '@/features/submit/api/submit';
import type { Filled } from '@/features/submit/submit-form';
import { usd } from '@/lib/format';
import { facts, list, text } from '@/lib/json';
import { useMe } from '@/lib/me';
import { useRepositories } from '@/lib/repositories';

/** What will happen, by the settings of this moment. */
export function Preview({ filled }: { filled: Filled }) {
  const rules = useRules();
  const me = useMe();
  const known = useRepositories().data?.find((one) => one.name === filled.repository);
  const of = (section: string) => facts(rules.data?.find((one) => one.section === section)?.value);
  const [limits, security, delivery] = [of('pipeline'), of('security'), of('delivery')];
  const model = text(facts(list(of('models')['default'])[0])['model']);
  return (
    <aside className="preview" aria-label="What will happen">
      {known && <CheckNote key={known.name} name={known.name} />}
      <h2>What will happen</h2>
      <ol>
        <li>
          The text is screened{security['pause_on_high_risk'] === false ? '' : '; a risky passage stops it before any agent acts'}.
        </li>
        <li>
          It becomes a specification{delivery['spec_approval'] === true ? ', which waits for your approval' : ''}. Agents that write code see
          only that, never this text.
        </li>
        <li>Tests are written first and must fail without the change.</li>
        <li>Code is written, reviewed and put on the newest base, where the whole suite shows no new failure.</li>
        <li>A person approves the release on evidence; then it is merged{known ? ` into ${known.base_branch}` : ''}.</li>
      </ol>
      <dl className="facts">
        <div>
          <dt>Budget</dt>
          <dd>{limits['budget_usd'] === undefined ? '…' : usd(text(limits['budget_usd']))}, then it stops and asks</dd>
        </div>
        <div>
          <dt>Model</dt>
          <dd>{me.data?.scripted === true ? <ScriptedBadge /> : model || '…'}</dd>
        </div>
        {known && (
          <div>
            <dt>Repository</dt>
            <dd>
              <code>{known.remote}</code>
            </dd>
          </div>
        )}
        {known?.test_command && (
          <div>
            <dt>Tests</dt>
            <dd>
              <code>{known.test_command}</code>
            </dd>
          </div>
        )}
      </dl>
    </aside>
  );
}
