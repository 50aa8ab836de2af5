export type LineKind = 'added' | 'removed' | 'context' | 'hunk';

export interface DiffLine {
  kind: LineKind;
  text: string;
}

export interface FileDiff {
  path: string;
  lines: DiffLine[];
}

const RISKY = /(^|\/)(tests?|\.github|\.ci|ci)\/|(^|\/)(conftest\.py|Dockerfile|Makefile)$|(lock|\.lock\.json|\.toml|\.cfg|\.ya?ml|package\.json|requirements[^/]*\.txt)$/;

/** Tests, build files, CI and dependencies: where a change can make its own proof worthless. */
export function isRisky(path: string): boolean {
  return RISKY.test(path);
}

/** Splits git's unified diff into files, risky ones first. */
export function fileDiffs(diff: string): FileDiff[] {
  const files = diff
    .split(/^(?=diff --git )/m)
    .filter((part) => part.startsWith('diff --git '))
    .map(parse);
  return files.toSorted((one, other) => Number(isRisky(other.path)) - Number(isRisky(one.path)));
}

function parse(part: string): FileDiff {
  const lines = part.split('\n');
  const path = /^diff --git a\/.* b\/(.*)$/.exec(lines[0] ?? '')?.[1] ?? '';
  const start = lines.findIndex((line) => line.startsWith('@@') || line.startsWith('Binary'));
  const body = start < 0 ? [] : lines.slice(start);
  if (body.at(-1) === '') body.pop();
  return { path, lines: body.map((text) => ({ kind: kindOf(text), text })) };
}

function kindOf(text: string): LineKind {
  if (text.startsWith('@@')) return 'hunk';
  if (text.startsWith('+')) return 'added';
  if (text.startsWith('-')) return 'removed';
  return 'context';
}
