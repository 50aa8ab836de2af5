import { diffArrays, parsePatch, type StructuredPatch } from 'diff';

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

/** Splits git's unified diff into files, risky ones first. A diff that was cut at its end shows what is there of it. */
export function fileDiffs(diff: string): FileDiff[] {
  const files = parsed(diff).map(([patch, lines]) => ({ path: pathOf(patch), lines }));
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

/** The lines that turn one text into another. */
export function textDiff(before: string, after: string): DiffLine[] {
  let [old, fresh] = [1, 1];
  return diffArrays(before.split('\n'), after.split('\n')).flatMap(({ value, added, removed }) =>
    value.map((text): DiffLine => {
      if (added) return { kind: 'added', text, before: null, after: fresh++ };
      if (removed) return { kind: 'removed', text, before: old++, after: null };
      return { kind: 'context', text, before: old++, after: fresh++ };
    }),
  );
}

/** The lines of a unified diff of one text, without its header. */
export function unifiedLines(diff: string): DiffLine[] {
  return parsed(diff).flatMap(([, lines]) => lines);
}

type Hunk = StructuredPatch['hunks'][number];

/** The parser drops what git writes behind a hunk's numbers, the function around it; lines of hunks never begin with `@`. */
function parsed(diff: string): [StructuredPatch, DiffLine[]][] {
  const headers = diff.split('\n').filter((line) => line.startsWith('@@ '));
  let next = 0;
  return patchesOf(diff).map((patch) => {
    const note: DiffLine[] = patch.isBinary ? [{ kind: 'note', text: 'Binary file', before: null, after: null }] : [];
    return [patch, [...note, ...patch.hunks.flatMap((hunk) => numbered(headers[next++] ?? '', hunk))]];
  });
}

function patchesOf(diff: string): StructuredPatch[] {
  try {
    return parsePatch(diff);
  } catch {
    return parsePatch(ended(diff));
  }
}

/** A diff that was cut in its last hunk, with that hunk's numbers made those of the lines that are left. */
function ended(diff: string): string {
  const lines = diff.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const last = lines.findLastIndex((line) => line.startsWith('@@ '));
  const left = lines.slice(last + 1);
  const count = (...signs: string[]) => left.filter((line) => signs.includes(line.charAt(0))).length;
  const [, before, after] = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(lines[last] ?? '') ?? [];
  const header = before && after ? [`@@ -${before},${count('-', ' ')} +${after},${count('+', ' ')} @@`, ...left] : [];
  return [...lines.slice(0, last), ...header].join('\n');
}

function pathOf({ oldFileName = '', newFileName = '' }: StructuredPatch): string {
  return (newFileName === '/dev/null' ? oldFileName : newFileName).slice('b/'.length);
}

function numbered(header: string, { oldStart, newStart, lines }: Hunk): DiffLine[] {
  let [before, after] = [oldStart, newStart];
  const body = lines.map((line): DiffLine => {
    const text = line.slice(1);
    if (line.startsWith('+')) return { kind: 'added', text, before: null, after: after++ };
    if (line.startsWith('-')) return { kind: 'removed', text, before: before++, after: null };
    if (line.startsWith('\\')) return { kind: 'note', text: line, before: null, after: null };
    return { kind: 'context', text, before: before++, after: after++ };
  });
  return [{ kind: 'hunk', text: header, before: null, after: null }, ...body];
}
