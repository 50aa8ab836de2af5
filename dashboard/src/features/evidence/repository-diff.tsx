import { Badge } from '@/components/badge';
import { FileView } from '@/features/evidence/file-view';
import type { Schemas } from '@/lib/api';
import { fileDiffs, riskOf } from '@/lib/diff';
import { short } from '@/lib/format';

type Diff = Schemas['RepositoryDiffView'];

/** Files beyond this many begin closed, so that a large change opens at once. */
const OPEN_MAX = 20;

interface Props {
  id: string;
  diff: Diff;
  split: boolean;
  /** What is said when not all of it is here. */
  cut: string;
  /** Which state the line numbers belong to, when it is not the present one. */
  at?: string;
}

/** What changed between two commits of one repository. */
export function RepositoryDiff({ id, diff, split, cut, at }: Props) {
  return (
    <section>
      <h3>
        {diff.repository} <code>{short(diff.base ?? '')}</code> → <code>{short(diff.head ?? '')}</code>
      </h3>
      {diff.truncated && <p className="quiet">{cut}</p>}
      <Files diff={diff} />
      {fileDiffs(diff.patch).map((file, index) => (
        <FileView key={file.path} id={id} repository={diff.repository} file={file} split={split} open={index < OPEN_MAX} at={at} />
      ))}
    </section>
  );
}

function Files({ diff }: { diff: Diff }) {
  const files = diff.files.toSorted((one, other) => Number(riskOf(other.path) !== null) - Number(riskOf(one.path) !== null));
  return (
    <ul className="files">
      {files.map((file) => (
        <li key={file.path}>
          <code>{file.status}</code>{' '}
          <a className="file-path" href={`#file-${file.path}`}>
            {file.old_path !== null && `${file.old_path} → `}
            {file.path}
          </a>
          {riskOf(file.path) !== null && <Badge tone="attention">{riskOf(file.path)}</Badge>}
          <span className="added">+{file.added}</span> <span className="removed">−{file.removed}</span>
        </li>
      ))}
    </ul>
  );
}
