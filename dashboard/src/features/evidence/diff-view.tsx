import { Badge } from '@/components/badge';
import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useDiff } from '@/features/evidence/api/views';
import { FileView } from '@/features/evidence/file-view';
import type { Schemas } from '@/lib/api';
import { fileDiffs, riskOf } from '@/lib/diff';
import { short } from '@/lib/format';
import { prefer, usePreferences } from '@/lib/preferences';

type Diff = Schemas['RepositoryDiffView'];

/** Files beyond this many begin closed, so that a large change opens at once. */
const OPEN_MAX = 20;

export function DiffView({ id }: { id: string }) {
  const { diff: look } = usePreferences();
  return (
    <Loaded query={useDiff(id)} what="the diff">
      {(diffs) =>
        diffs.every((diff) => diff.files.length === 0) ? (
          <Empty title="No change yet." />
        ) : (
          <>
            <div className="pane-head">
              <span className="quiet">Risky files first. Comment on a line with +; comments are sent together.</span>
              <label className="check">
                <input type="checkbox" checked={look === 'split'} onChange={(event) => prefer({ diff: event.target.checked ? 'split' : 'unified' })} />
                side by side
              </label>
            </div>
            {diffs.map((diff) => (
              <Repository key={diff.repository} id={id} diff={diff} split={look === 'split'} />
            ))}
          </>
        )
      }
    </Loaded>
  );
}

function Repository({ id, diff, split }: { id: string; diff: Diff; split: boolean }) {
  return (
    <section>
      <h3>
        {diff.repository} <code>{short(diff.base ?? '')}</code> → <code>{short(diff.head ?? '')}</code>
      </h3>
      {diff.truncated && <p className="quiet">Cut to what a page can hold; the evidence holds all of it.</p>}
      <Files diff={diff} />
      {fileDiffs(diff.patch).map((file, index) => (
        <FileView key={file.path} id={id} repository={diff.repository} file={file} split={split} open={index < OPEN_MAX} />
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
