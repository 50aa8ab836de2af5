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
      {(findings) =>
        findings.length === 0 ? (
          <Empty title="Nobody found anything." />
        ) : (
          <ul className="findings">
            {findings.map((finding, index) => (
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
        )
      }
    </Loaded>
  );
}
