import type { DiffLine } from '@/lib/diff';

const SIGN: Record<DiffLine['kind'], string> = { added: '+', removed: '-', context: ' ', hunk: '', note: '' };

/** What one text changed in another, line by line. */
export function TextDiff({ lines, label }: { lines: readonly DiffLine[]; label: string }) {
  return (
    <pre className="code diff" role="group" aria-label={label} tabIndex={0}>
      {lines.map((line, index) => (
        <span key={index} className={`diff-line diff-${line.kind}`}>
          {SIGN[line.kind]}
          {line.text}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}
