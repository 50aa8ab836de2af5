import { Badge } from '@/components/badge';
import { Loaded } from '@/components/loaded';
import { Empty } from '@/components/states';
import { useDiff } from '@/features/evidence/api/views';
import { fileDiffs, isRisky, type DiffLine, type FileDiff } from '@/features/evidence/diff';
import { short } from '@/lib/format';

export function DiffView({ id }: { id: string }) {
  return (
    <Loaded query={useDiff(id)} what="the diff">
      {(diffs) =>
        diffs.every((diff) => diff.files.length === 0) ? (
          <Empty title="No change yet." />
        ) : (
          diffs.map((diff) => (
            <section key={diff.repository}>
              <h3>
                {diff.repository} <code>{short(diff.base ?? '')}</code> → <code>{short(diff.head ?? '')}</code>
              </h3>
              {diff.truncated && <p className="quiet">Cut to what a page can hold; the evidence holds all of it.</p>}
              <ul className="files">
                {diff.files.map((file) => (
                  <li key={file.path}>
                    <code>{file.status}</code> <span className="file-path">{file.path}</span>
                    {isRisky(file.path) && <Badge tone="attention">look closely</Badge>}
                    <span className="added">+{file.added}</span> <span className="removed">−{file.removed}</span>
                  </li>
                ))}
              </ul>
              {fileDiffs(diff.patch).map((file) => (
                <OneFile key={file.path} file={file} />
              ))}
            </section>
          ))
        )
      }
    </Loaded>
  );
}

function OneFile({ file }: { file: FileDiff }) {
  return (
    <details className="diff-file" open>
      <summary>{file.path}</summary>
      <pre className="code diff">
        {file.lines.map((line, index) => (
          <Line key={index} line={line} />
        ))}
      </pre>
    </details>
  );
}

function Line({ line }: { line: DiffLine }) {
  return <span className={`diff-line diff-${line.kind}`}>{line.text}{'\n'}</span>;
}
