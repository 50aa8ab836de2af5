import { Badge } from '@/components/badge';
import { useLineComments } from '@/components/line-comment';
import { pairsOf, riskOf, type DiffLine, type FileDiff } from '@/lib/diff';
import { useHighlight, type Highlight } from '@/lib/highlight';

interface Props {
  id: string;
  repository: string;
  file: FileDiff;
  split: boolean;
  open: boolean;
}

export function FileView({ id, repository, file, split, open }: Props) {
  return (
    <details className="diff-file" id={`file-${file.path}`} open={open}>
      <summary>
        {file.path} {riskOf(file.path) !== null && <Badge tone="attention">{riskOf(file.path)}</Badge>}
      </summary>
      <div className="diff" role="group" aria-label={`Changes of ${file.path}`} tabIndex={0}>
        {split ? <Split file={file} /> : <Unified id={id} repository={repository} file={file} />}
      </div>
    </details>
  );
}

function Unified({ id, repository, file }: Pick<Props, 'id' | 'repository' | 'file'>) {
  const highlight = useHighlight(file.path);
  const comments = useLineComments(id);
  return file.lines.map((line, index) => {
    const place = `${repository}/${file.path}:${line.after ?? `${line.before ?? 0} (before)`}`;
    const commentable = line.kind !== 'hunk' && line.kind !== 'note';
    return (
      <div key={index}>
        <div className={`diff-row diff-${line.kind}`}>
          <span className="gutter">
            {commentable && comments.button(place)}
            <span className="line-number">{line.before}</span>
            <span className="line-number">{line.after}</span>
          </span>
          <Code line={line} highlight={highlight} />
        </div>
        {commentable && comments.below(place, line.text)}
      </div>
    );
  });
}

function Split({ file }: { file: FileDiff }) {
  const highlight = useHighlight(file.path);
  return pairsOf(file.lines).map(({ left, right }, index) =>
    left?.kind === 'hunk' || left?.kind === 'note' ? (
      <div key={index} className={`diff-row diff-${left.kind}`}>
        <span className="diff-code">{left.text}</span>
      </div>
    ) : (
      <div key={index} className="diff-pair">
        <Side line={left} number={left?.before} highlight={highlight} />
        <Side line={right} number={right?.after} highlight={highlight} />
      </div>
    ),
  );
}

function Side({ line, number, highlight }: { line: DiffLine | null; number: number | null | undefined; highlight: Highlight }) {
  return (
    <div className={`diff-row diff-${line?.kind ?? 'absent'}`}>
      <span className="gutter">
        <span className="line-number">{number}</span>
      </span>
      {line && <Code line={line} highlight={highlight} />}
    </div>
  );
}

const SIGN: Record<DiffLine['kind'], string> = { added: '+', removed: '-', context: ' ', hunk: '', note: '' };

function Code({ line, highlight }: { line: DiffLine; highlight: Highlight }) {
  return (
    <span className="diff-code">
      {SIGN[line.kind]}
      {line.kind === 'hunk' || line.kind === 'note'
        ? line.text
        : highlight(line.text).map((piece, index) => (
            <span key={index} className={piece.kind && `hl-${piece.kind}`}>
              {piece.text}
            </span>
          ))}
    </span>
  );
}
