import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { fileDiffs, type FileDiff } from '@/lib/diff';

// What git itself prints about names and contents that were chosen to be misread.
const NAMES = ['tab\tname', 'new\nline', 'quo"te', 'back\\slash', 'ünïcode', 'b b', 'a b c', 'a', '-- x', '[x]', '🚀', 'esc\u001b[2J'];
const HEADERS = 'diff --git a/x b/x\n@@ -1 +1 @@\n--- a/x\n+++ b/x\n';

let place = '';
let patch = '';
let files = new Map<string, FileDiff>();

const git = (...argv: string[]) => execFileSync('git', ['-C', place, ...argv], { encoding: 'utf8', env: { PATH: process.env.PATH, HOME: place } });
const write = (name: string, content: string) => writeFileSync(join(place, name), content);
const linesOf = (name: string) => files.get(name)?.lines.filter((line) => line.kind !== 'hunk').map((line) => [line.kind, line.text]);

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'changeline-diff-'));
  git('init', '-q', '-b', 'main');
  for (const name of NAMES) write(name, 'before\n');
  write('crlf', 'one\r\ntwo\r\n');
  write('no-end', 'before');
  write('signs', '-- x\n++ y\n');
  write('moved', 'one\ntwo\nthree\nfour\nfive\n');
  write('program', '');
  write('picture', 'a\0b');
  write('gone', 'before\n');
  const save = (message: string) => git('-c', 'user.name=A', '-c', 'user.email=a@localhost', 'commit', '-q', '-m', message);
  git('add', '-A');
  save('One');
  for (const name of NAMES) write(name, 'after\n');
  write('crlf', 'one\r\n2\r\n');
  write('no-end', 'after');
  write('signs', '++ y\n-- z\n');
  renameSync(join(place, 'moved'), join(place, 'moved "here"'));
  write('moved "here"', 'one\n2\nthree\nfour\nfive\n');
  chmodSync(join(place, 'program'), 0o755);
  write('picture', 'a\0c');
  write('headers', HEADERS);
  write('separators', 'a\u2028b\u0085c\rd\n');
  rmSync(join(place, 'gone'));
  git('add', '-A');
  save('Two');
  patch = git('diff', '-M', 'HEAD~1', 'HEAD');
  files = new Map(fileDiffs(patch).map((file) => [file.path, file]));
});

afterAll(() => rmSync(place, { recursive: true }));

test('every file has the name that git means, however git had to write it', () => {
  const named = git('diff', '-M', '--name-only', '-z', 'HEAD~1', 'HEAD').split('\0').filter((name) => name !== '');
  expect([...files.keys()].toSorted()).toEqual(named.toSorted());
  for (const name of NAMES) expect(linesOf(name)).toEqual([['removed', 'before'], ['added', 'after']]);
});

test('lines that look like headers or signs are lines', () => {
  expect(linesOf('headers')).toEqual(HEADERS.trimEnd().split('\n').map((text) => ['added', text]));
  expect(linesOf('signs')).toEqual([['removed', '-- x'], ['context', '++ y'], ['added', '-- z']]);
  expect(linesOf('separators')).toEqual([['added', 'a\u2028b\u0085c\rd']]);
});

test('line ends, a missing last one, a renamed, a deleted, an executable and a binary file are told apart', () => {
  const note = '\\ No newline at end of file';
  expect(linesOf('crlf')).toEqual([['context', 'one\r'], ['removed', 'two\r'], ['added', '2\r']]);
  expect(linesOf('no-end')).toEqual([['removed', 'before'], ['note', note], ['added', 'after'], ['note', note]]);
  expect(linesOf('moved "here"')?.slice(0, 3)).toEqual([['context', 'one'], ['removed', 'two'], ['added', '2']]);
  expect(linesOf('gone')).toEqual([['removed', 'before']]);
  expect(linesOf('program')).toEqual([]);
  expect(linesOf('picture')).toEqual([['note', 'Binary file']]);
});

test('wherever the controller cuts it, what is left is shown as in the whole', () => {
  const whole = [...files.values()].map((file) => textOf(file)).join('\n');
  for (let end = 0; end < patch.length; end += 1) {
    const shown = fileDiffs(patch.slice(0, end)).at(-1);
    const body = shown?.lines.filter((line) => line.kind !== 'hunk' && line.kind !== 'note') ?? [];
    expect(whole).toContain(body.map((line) => line.text).join('\n'));
  }
});

function textOf(file: FileDiff): string {
  return file.lines.filter((line) => line.kind !== 'hunk' && line.kind !== 'note').map((line) => line.text).join('\n');
}
