import { expect, test } from 'vitest';

import { fileDiffs, pairsOf, riskOf, textDiff } from '@/lib/diff';

const PATCH = `diff --git a/src/a.py b/src/a.py
--- a/src/a.py
+++ b/src/a.py
@@ -4,3 +4,3 @@ def f():
 same
-old
+new
 end
diff --git a/pyproject.toml b/pyproject.toml
--- a/pyproject.toml
+++ b/pyproject.toml
@@ -1 +1,2 @@
 x
+y
`;

test('risky files come first, and lines carry the numbers of both sides', () => {
  const [first, second] = fileDiffs(PATCH);
  expect([first?.path, second?.path]).toEqual(['pyproject.toml', 'src/a.py']);
  expect(second?.lines.map(({ kind, before, after }) => [kind, before, after])).toEqual([
    ['hunk', null, null], ['context', 4, 4], ['removed', 5, null], ['added', null, 5], ['context', 6, 6],
  ]);
});

test('what replaces a line stands beside it', () => {
  const pairs = pairsOf(fileDiffs(PATCH)[1]?.lines ?? []);
  expect(pairs.map(({ left, right }) => [left?.text, right?.text]).at(2)).toEqual(['old', 'new']);
});

test('tests, CI, dependencies and configuration are risky, code is not', () => {
  expect(['tests/test_a.py', '.github/workflows/ci.yml', 'package.json', 'setup.cfg', 'src/shop.py'].map(riskOf)).toEqual([
    'test', 'CI', 'dependencies', 'configuration', null,
  ]);
});

test('the difference of two texts turns one into the other', () => {
  const lines = textDiff('a\nb\nc', 'a\nx\nc\nd');
  expect(lines.filter((line) => line.kind !== 'added').map((line) => line.text).join('\n')).toBe('a\nb\nc');
  expect(lines.filter((line) => line.kind !== 'removed').map((line) => line.text).join('\n')).toBe('a\nx\nc\nd');
});
