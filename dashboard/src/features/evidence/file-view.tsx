import type { ReactNode } from 'react';

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
  /** Which state the line numbers belong to, when it is not the present one. */
  at?: string | undefined;
}

type Lines = Pick<Props, 'id' | 'repository' | 'file' | 'at'>;

export function FileView({ id, repository, file, split, open, at }: Props) {
  const Shown = split ? Split : Unified;
  return (
    <details className="diff-file" id={`file-${file.path}`} open={open}>
      <summary>
        {file.path} {riskOf(file.path) !== null && <Badge tone="attention">{riskOf(file.path)}</Badge>}
      </summary>
      <div className="diff" role="group" aria-label={`Changes of ${file.path}`} tabIndex={0}>
        <Shown id={id} repository={repository} file={file} at={at} />
      </div>
    </details>
  );
}

function Unified(of: Lines) {
  const highlight = useHighlight(of.file.path);
  const comments = useLineComments(of.id);
  return of.file.lines.map((line, index) => {
    const place = placeOf(of, line);
    return (
      <div key={index}>
        <div className={`diff-row diff-${line.kind}`}>
          <span className="gutter">
            {place !== null && comments.button(place)}
            <span className="line-number">{line.before}</span>
            <span className="line-number">{line.after}</span>
          </span>
          <Code line={line} highlight={highlight} />
        </div>
        {place !== null && comments.below(place, line.text)}
      </div>
    );
  });
}

/** Removed lines take comments on the left, all others on the right, so that a line has one place in both views. */
function Split(of: Lines) {
  const highlight = useHighlight(of.file.path);
  const comments = useLineComments(of.id);
  return pairsOf(of.file.lines).map(({ left, right }, index) => {
    if (left?.kind === 'hunk' || left?.kind === 'note') {
      return (
        <div key={index} className={`diff-row diff-${left.kind}`}>
          <span className="diff-code">{left.text}</span>
        </div>
      );
    }
    const removed = left?.kind === 'removed' ? left : null;
    const [before, after] = [removed && placeOf(of, removed), right && placeOf(of, right)];
    return (
      <div key={index}>
        <div className="diff-pair">
          <Side line={left} number={left?.before} highlight={highlight} button={before && comments.button(before)} />
          <Side line={right} number={right?.after} highlight={highlight} button={after && comments.button(after)} />
        </div>
        {removed && before && comments.below(before, removed.text)}
        {right && after && comments.below(after, right.text)}
      </div>
    );
  });
}

/** Where a line is, in words that an agent finds it by; null for what is no line of a file. */
function placeOf({ repository, file, at }: Lines, line: DiffLine): string | null {
  if (line.kind === 'hunk' || line.kind === 'note') return null;
  const number = line.after ?? `${line.before ?? 0} (before)`;
  return `${repository}/${file.path}:${number}${at === undefined ? '' : ` as of ${at}`}`;
}

interface SideProps {
  line: DiffLine | null;
  number: number | null | undefined;
  highlight: Highlight;
  button: ReactNode;
}

function Side({ line, number, highlight, button }: SideProps) {
  return (
    <div className={`diff-row diff-${line?.kind ?? 'absent'}`}>
      <span className="gutter">
        {button}
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
