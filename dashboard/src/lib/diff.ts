export type LineKind = 'added' | 'removed' | 'context' | 'hunk' | 'note';

/** One line of a diff with its numbers on both sides; null where a side does not have it. */
export interface DiffLine {
  kind: LineKind;
  text: string;
  before: number | null;
  after: number | null;
}

export interface FileDiff {
  path: string;
  lines: DiffLine[];
}

/** One row of the split view. */
export interface Pair {
  left: DiffLine | null;
  right: DiffLine | null;
}

const RISKY: readonly (readonly [RegExp, string])[] = [
  [/(^|\/)(tests?|spec|__tests__)\/|(^|\/)(conftest\.py|[^/]*_test\.[a-z]+|test_[^/]*|[^/]*\.(test|spec)\.[a-z]+)$/, 'test'],
  [/(^|\/)(\.github|\.gitlab|\.ci|ci)\/|(^|\/)(\.gitlab-ci\.yml|Jenkinsfile)$/, 'CI'],
  [/(^|\/)(package\.json|requirements[^/]*\.txt|pyproject\.toml|go\.mod|Cargo\.toml|pom\.xml)$|(lock|\.lock\.json|go\.sum)$/, 'dependencies'],
  [/(^|\/)(Dockerfile|Makefile)$|\.(toml|cfg|ini|ya?ml|env)$/, 'configuration'],
];

/** Why a file deserves a closer look: there a change can make its own proof worthless. Null for ordinary files. */
export function riskOf(path: string): string | null {
  return RISKY.find(([pattern]) => pattern.test(path))?.[1] ?? null;
}

/** Splits git's unified diff into files, risky ones first. */
export function fileDiffs(diff: string): FileDiff[] {
  const files = diff
    .split(/^(?=diff --git )/m)
    .filter((part) => part.startsWith('diff --git '))
    .map(parse);
  return files.toSorted((one, other) => Number(riskOf(other.path) !== null) - Number(riskOf(one.path) !== null));
}

/** Puts removed lines beside the added ones that replace them. */
export function pairsOf(lines: readonly DiffLine[]): Pair[] {
  const pairs: Pair[] = [];
  let [removed, added]: [DiffLine[], DiffLine[]] = [[], []];
  const flush = () => {
    for (let row = 0; row < Math.max(removed.length, added.length); row += 1) {
      pairs.push({ left: removed[row] ?? null, right: added[row] ?? null });
    }
    [removed, added] = [[], []];
  };
  for (const line of lines) {
    if (line.kind === 'removed') removed.push(line);
    else if (line.kind === 'added') added.push(line);
    else {
      flush();
      pairs.push({ left: line, right: line });
    }
  }
  flush();
  return pairs;
}

/** The lines that turn one text into another, by longest common subsequence; texts here have hundreds of lines at most. */
export function textDiff(before: string, after: string): DiffLine[] {
  const [old, fresh] = [before.split('\n'), after.split('\n')];
  const common = lengths(old, fresh);
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < fresh.length) {
    const same = i < old.length && j < fresh.length && old[i] === fresh[j];
    if (same) lines.push({ kind: 'context', text: old[i] ?? '', before: ++i, after: ++j });
    else if (j >= fresh.length || (i < old.length && at(common, i + 1, j) >= at(common, i, j + 1))) {
      lines.push({ kind: 'removed', text: old[i] ?? '', before: ++i, after: null });
    } else lines.push({ kind: 'added', text: fresh[j] ?? '', before: null, after: ++j });
  }
  return lines;
}

/** The lines of a unified diff of one text, without its header. */
export function unifiedLines(diff: string): DiffLine[] {
  const lines = diff.split('\n');
  const start = lines.findIndex((line) => line.startsWith('@@'));
  return start < 0 ? [] : numbered(lines.slice(start, lines.at(-1) === '' ? -1 : undefined));
}

function lengths(old: readonly string[], fresh: readonly string[]): number[][] {
  const table = Array.from({ length: old.length + 1 }, () => new Array<number>(fresh.length + 1).fill(0));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = fresh.length - 1; j >= 0; j -= 1) {
      const row = table[i];
      if (row) row[j] = old[i] === fresh[j] ? at(table, i + 1, j + 1) + 1 : Math.max(at(table, i + 1, j), at(table, i, j + 1));
    }
  }
  return table;
}

function at(table: readonly number[][], i: number, j: number): number {
  return table[i]?.[j] ?? 0;
}

function parse(part: string): FileDiff {
  const lines = part.split('\n');
  const path = /^diff --git a\/.* b\/(.*)$/.exec(lines[0] ?? '')?.[1] ?? '';
  const start = lines.findIndex((line) => line.startsWith('@@') || line.startsWith('Binary'));
  const body = start < 0 ? [] : lines.slice(start);
  if (body.at(-1) === '') body.pop();
  return { path, lines: numbered(body) };
}

function numbered(body: readonly string[]): DiffLine[] {
  let [before, after] = [0, 0];
  return body.map((line): DiffLine => {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(line);
    if (hunk) {
      [before, after] = [Number(hunk[1]), Number(hunk[2])];
      return { kind: 'hunk', text: line, before: null, after: null };
    }
    const text = line.slice(1);
    if (line.startsWith('+')) return { kind: 'added', text, before: null, after: after++ };
    if (line.startsWith('-')) return { kind: 'removed', text, before: before++, after: null };
    if (line.startsWith(' ')) return { kind: 'context', text, before: before++, after: after++ };
    return { kind: 'note', text: line, before: null, after: null };
  });
}
