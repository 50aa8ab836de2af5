import { Badge } from '@/components/badge';
import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useFindings } from '@/features/evidence/api/views';
import type { Schemas } from '@/lib/api';
import { words } from '@/lib/format';
import type { Tone } from '@/lib/vocabulary';

const SEVERITY: Record<Schemas['Severity'], Tone> = { critical: 'bad', major: 'bad', minor: 'attention', info: 'muted' };

export function FindingsView({ id }: { id: string }) {
  return (
    <Loaded query={useFindings(id)} what="findings">
      {({ items, judges }) => (
        <>
          {items.length === 0 && <Empty title="Nobody found anything." />}
          <Findings items={items} />
          <Judges judges={judges} />
        </>
      )}
    </Loaded>
  );
}

function Findings({ items }: { items: Schemas['FindingView'][] }) {
  return (
    <ul className="findings">
      {items.map((finding, index) => (
        <li key={index}>
          <Badge tone={SEVERITY[finding.severity]}>{finding.severity}</Badge>{' '}
          <strong>{words(finding.source)}</strong> <span className="quiet">{finding.category}</span>
          <p>{finding.message}</p>
          {finding.file !== null && (
            <code>
              {finding.file}
              {finding.line !== null && `:${finding.line}`}
            </code>
          )}
          {finding.remedy !== null && <p className="quiet">{finding.remedy}</p>}
        </li>
      ))}
    </ul>
  );
}

/** What each judge opened before its verdict, so that a pass without a look is seen. */
function Judges({ judges }: { judges: Schemas['JudgeView'][] }) {
  return (
    <ul className="findings">
      {judges.map((judge) => (
        <li key={`${judge.role} ${judge.repository}`}>
          <strong>{words(judge.role)}</strong> <span className="quiet">{judge.repository}</span> {words(judge.verdict)},{' '}
          <span title={judge.files.join('\n')}>opened {counted(judge.files_opened, 'file')}</span>, ran{' '}
          {counted(judge.commands, 'command')}
          {judge.failed > 0 && `; ${counted(judge.failed, 'tool call')} failed`}
        </li>
      ))}
    </ul>
  );
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
