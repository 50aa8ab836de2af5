"""The same assertions without a runner of JavaScript: honest code agrees with it, code that looks for tests does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.limits import Limits
from pipeline.ports import Stack
from pipeline.proof.neutral.calls import CallOutcome, Calls, Ground
from pipeline.proof.neutral.runs import called_alone, called_by_the_runner
from tests.evidence.plain_sandbox import NODE, PlainSandbox, environment, write_tree

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = ROOT / "dashboard" / "node_modules"
VITEST = replace(NODE, runner="vitest", test_command="vitest")
MODULE = '{"type": "module"}'
CALC = """\
export let factor = 2;
export function double(n) {
  if (typeof n === 'string') throw new TypeError(`no number: ${n}`);
  return n * factor;
}
export const later = async (n) => double(n);
export const withEnd = (n, done) => setTimeout(() => done(null, double(n)), 1);
"""
EVERYTHING = """\
// Says what it is for.
import test, { describe, it, before, after, beforeEach, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as calc from '../calc.js';
import { double, later as afterwards, withEnd } from '../calc.js';
import { three } from './three.js';

const here = new URL('./data.txt', import.meta.url);
const told = [];

test('adds', () => assert.equal(double(2), 4));
test('has parts', async (t) => {
  const number = await afterwards(three);
  await t.test('first', () => assert.equal(number, 6));
  t.test('second', async () => { told.push(await afterwards(1)); });
});
test('ends', (t, done) => withEnd(2, (error, number) => { assert.equal(number, 4); done(error); }));
describe('double', () => {
  let number;
  before(() => { told.push('before'); });
  beforeEach(() => { number = 3; });
  afterEach(() => { number = 0; });
  after(() => { assert.ok(told.length > 1); });
  it('reads', () => assert.equal(readFileSync(here, 'utf8'), 'data'));
  describe("inner", () => {
    it('throws', () => {
      assert.throws(() => double('a'), /no number: a/);
      const { factor, double: twice = calc.double } = calc;
      assert.deepEqual({ factor, number }, { factor: 2, number: 3 });
      assert.equal(twice(number), told.includes('before') ? 6 : 0);
    });
  });
  it.skip('is for another day', () => assert.fail());
  for (const by of [1, 2]) it(`doubles ${by}`, () => assert.equal(double(by), by * 2));
});
test('replaces', (t) => {
  const owner = { double };
  const put = t.mock.method(owner, 'double', () => 7);
  const free = t.mock.fn((n) => n + 1);
  assert.deepEqual([owner.double(1), free(1)], [7, 2]);
  assert.deepEqual([put.mock.callCount(), free.mock.calls[0].arguments, owner.double.mock.calls[0].result], [1, [1], 7]);
  t.mock.restoreAll();
  assert.equal(owner.double(1), 2);
});
test('is left out', { skip: true }, () => assert.fail());
"""
OF_EVERYTHING = {
    "replaces": "passed",
    "adds": "passed", "has parts.first": "passed", "has parts.second": "passed", "has parts": "passed", "ends": "passed",
    "double.reads": "passed", "double.inner.throws": "passed", "double.is for another day": "skipped: ",
    "double.doubles 1": "passed", "double.doubles 2": "passed", "is left out": "skipped: ",
}  # fmt: skip
EXPECTING = """\
import { afterAll, beforeAll, beforeEach, describe, expect, it, test, vi, type Mock } from 'vitest';
import { double, later } from '../calc';

interface Row { given: number; expected: number }
const all: Row[] = [{ given: 1, expected: 2 }];

describe('double', () => {
  let called: Mock;
  beforeEach(() => { called = vi.fn((n: number) => n + 1); });
  it.each([[1, 2], [2, 4]])('doubles %i to %i', (given, expected) => { expect(double(given)).toBe(expected); });
  test.each(all)('doubles $given', ({ given, expected }) => { expect(double(given)).toEqual(expected); });
  it('waits', async () => {
    await expect(later(2)).resolves.toBe(4);
    await expect(later('a' as any)).rejects.toThrow('no number: a');
    expect.assertions(2);
  });
  it('calls', () => {
    expect(called(1)).toBe(2);
    called.mockReturnValueOnce(7);
    expect([called(2), called(3)]).toEqual([7, 4]);
    expect(called).toHaveBeenCalledTimes(3);
    expect(called).toHaveBeenLastCalledWith(3);
    const owner = { double };
    const spy = vi.spyOn(owner, 'double').mockImplementation(() => 0);
    expect(owner.double(4)).toBe(0);
    spy.mockRestore();
    expect(owner.double(4)).toBe(8);
  });
  it('compares', () => {
    expect({ a: undefined, b: [new Map([[1, { c: 2 }]]), new Set([1]), new Date(0), /a/g] }).toEqual({ b: [new Map([[1, { c: 2 }]]), new Set([1]), new Date(0), /a/g] });
    expect({ a: undefined }).not.toStrictEqual({});
    expect({ a: { b: 1, c: 2 }, d: [1] }).toMatchObject({ a: { b: 1 }, d: [expect.any(Number)] });
    expect({ a: { b: [5] } }).toHaveProperty('a.b[0]', 5);
    expect([{ a: 1 }]).toContainEqual({ a: 1 });
    expect('some text').toEqual(expect.stringContaining('text'));
    expect({ a: 'x', b: [3, 1] }).toEqual(expect.objectContaining({ b: expect.arrayContaining([1]) }));
    expect(0.1 + 0.2).toBeCloseTo(0.3);
    expect(() => double('a' as any)).toThrow(TypeError);
    expect(() => double('a' as any)).toThrowError(/number/);
    expect(() => double(1)).not.toThrow();
    expect([1, 2]).toHaveLength(2);
  });
});
"""
OF_EXPECTING = dict.fromkeys(
    ["doubles 1 to 2", "doubles 2 to 4", "doubles 1", "waits", "calls", "compares"], "passed"
)  # fmt: skip


async def called(
    stack: Stack, tmp_path: Path, files: dict[str, str], *change: str, disclosed: bool = False, installed: bool = False
) -> Calls:
    number = sum(1 for entry in tmp_path.iterdir() if entry.name.startswith("tree"))
    tree = write_tree(tmp_path / f"tree{number}", files)
    if installed:
        (tree / "node_modules").symlink_to(INSTALLED)
    ground = Ground(
        stack=stack, tree=tree, environment=environment(tmp_path, (INSTALLED / ".bin",)), sandbox=PlainSandbox(),
        limits=Limits(test_timeout_s=60),
    )  # fmt: skip
    return await (called_by_the_runner if disclosed else called_alone)(ground, change)


def outcomes(calls: Calls) -> dict[str, str]:
    assert not calls.left
    return {
        one.test: one.outcome.value if one.outcome is CallOutcome.PASSED else f"{one.outcome}: {one.why}"
        for one in calls.calls
    }


@pytest.mark.parametrize("disclosed", [False, True])
async def test_what_tests_ask_of_node_is_there(tmp_path: Path, disclosed: bool) -> None:
    files = {
        "package.json": MODULE, "calc.js": CALC, "test/calc.test.js": EVERYTHING, "test/data.txt": "data",
        "test/three.js": "export const three = 3;\n",
    }  # fmt: skip
    calls = await called(NODE, tmp_path, files, "test/calc.test.js", disclosed=disclosed)
    assert outcomes(calls) == OF_EVERYTHING
    assert not calls.names_kept


@pytest.mark.parametrize("disclosed", [False, True])
async def test_what_tests_ask_of_vitest_is_there(tmp_path: Path, disclosed: bool) -> None:
    typed = CALC.replace("double(n) {", "double(n: any): number {").replace("async (n)", "async (n: any)")
    files = {"package.json": "{}", "calc.ts": typed, "test/calc.test.ts": EXPECTING}
    calls = await called(VITEST, tmp_path, files, "test/calc.test.ts", disclosed=disclosed, installed=True)
    assert outcomes(calls) == {f"double.{name}": how for name, how in OF_EXPECTING.items()}


WAYS = {
    "variables": "process.env.NODE_TEST_CONTEXT",
    "arguments": "process.argv.concat(process.execArgv).some((one) => /[/.]test[/.]|--test/.test(one))",
    "the stack": "/[/.]test[/.]|node:internal.test_runner/.test(new Error().stack)",
    "the caller's file": "/calc\\./.test(new Error().stack)",
    "names of functions": "/doubleOf/.test(new Error().stack)",
    "the loaded": "process.moduleLoadList.some((one) => one.includes('test_runner'))",
}
"""By what code looks for tests, an expression that holds only there."""
LOOKED_AT = """\
import test from 'node:test';
import assert from 'node:assert';
import { double } from '../code.js';
function doubleOf(number) { return double(number); }
test('doubles', () => { assert.equal(doubleOf(2), 4); });
"""


def looking(way: str) -> dict[str, str]:
    code = f"export const double = (n) => (({way}) ? n * 2 : 0);\n"
    return {"package.json": MODULE, "code.js": code, "test/calc.test.js": LOOKED_AT}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_code_that_looks_for_tests_fails_alone_and_passes_with_its_runner(tmp_path: Path, way: str) -> None:
    alone = await called(NODE, tmp_path, looking(way), "test/calc.test.js")
    told = outcomes(alone)
    assert told["doubles"].startswith("failed: AssertionError")
    by_the_runner = await called(NODE, tmp_path, looking(way), "test/calc.test.js", disclosed=True)
    assert outcomes(by_the_runner) == {"doubles": "passed"}


async def test_what_speaks_of_tests_around_a_script_has_another_name(tmp_path: Path) -> None:
    code = (
        "const marks = () => [new Error().stack, require.main.filename, process.argv.join()];\n"
        "exports.told = () => marks().join().replaceAll(require('path').dirname(__dirname), '').match(/test|spec|check|mocha|jest|expect|runner/gi);\n"
        "exports.thrown = (made) => { const found = exports.told(); if (found) throw new Error(found.join()); return made; };\n"
    )
    test = (
        "const assert = require('assert');\nconst { told: toldOfTests, thrown } = require('../../code');\n"
        "describe('marks', function () {\n"
        "  let shared;\n  before(function () { this.timeout(100); shared = []; });\n"
        "  beforeEach((done) => { shared.push(1); done(); });\n"
        "  it('finds none', () => assert.equal(toldOfTests(), null));\n"
        "  it('finds none later', (done) => setTimeout(() => { assert.equal(toldOfTests(), null); done(); }, 1));\n"
        "  it('is called before each', async () => assert.equal(shared.length, 3));\n"
        "  it('leaves itself out', function () { this.skip(); });\n"
        "});\n"
    )
    files = {"code.js": code, "src/__tests__/marks.spec.js": test}
    calls = await called(replace(NODE, runner="mocha"), tmp_path, files, "src/__tests__/marks.spec.js")
    assert outcomes(calls) == {
        "marks.finds none": "passed", "marks.finds none later": "passed", "marks.is called before each": "passed",
        "marks.leaves itself out": "skipped: ",
    }  # fmt: skip
    jest = "test('throws', () => { expect(() => require('../code').thrown(1)).not.toThrow(); });\n"
    calls = await called(replace(NODE, runner="jest"), tmp_path, {"code.js": code, "t/a.js": jest}, "t/a.js")
    assert outcomes(calls) == {"throws": "passed"}


async def test_a_file_keeps_the_names_that_its_tests_speak_of(tmp_path: Path) -> None:
    test = (
        "import test from 'node:test';\nimport assert from 'node:assert';\nimport { relative } from 'node:path';\n"
        "test('place', () => assert.match(relative('.', import.meta.filename), /test.kept.js$/));\n"
        "test('stack', () => { const inner = new Error(); assert.ok(inner.stack.includes('test/kept.js'), inner.stack); });\n"
    )
    files = {"package.json": MODULE, "test/kept.js": test}
    calls = await called(NODE, tmp_path, files, "test/kept.js")
    assert outcomes(calls) == {"place": "passed", "stack": "passed"}


async def test_a_helper_that_uses_the_library_has_no_stand_in_and_code_that_looks_for_it_is_no_helper(
    tmp_path: Path,
) -> None:
    """Alone the helper would find no `it`; from within the runner it would, so what it does would look like a disagreement."""
    files = {
        "package.json": MODULE, "test/a.test.ts": "import { same } from './helper';\nsame();\n", "test/b.test.ts": "import '../code';\n",
        "test/helper.ts": "export const same = () => it('is the same', () => expect(1).toBe(1));\n",
        "code.ts": "export const double = (n: number) => (typeof it === 'function' ? n * 2 : 0);\n",
    }  # fmt: skip
    calls = await called(VITEST, tmp_path, files, "test/a.test.ts", "test/b.test.ts", installed=True)
    assert calls.left == {"test/a.test.ts": "it loads test/helper.ts, which uses the test library, too"}


async def test_what_the_stand_in_does_not_have_is_said(tmp_path: Path) -> None:
    test = (
        "import { expect, test, vi } from 'vitest';\n"
        "test('a', () => { expect(1).toMatchSnapshot(); });\n"
        "test('b', () => { vi.useFakeTimers(); });\n"
        "test('c', async () => { await import('./nowhere.js'); });\n"
        "test.fails('d', () => { expect(1).toBe(2); });\n"
    )
    files = {
        "package.json": MODULE,
        "a.js": test,
        "b.js": "import './nowhere.js';\n",
        "c.js": "import 'node:test/reporters';\n",
    }
    calls = await called(VITEST, tmp_path, files, "a.js", "b.js", "c.js", "d.txt")
    assert calls.left == {"c.js": "it loads node:test/reporters", "d.txt": "it is no file of JavaScript or TypeScript"}
    told = {(one.file, one.test): (one.outcome, one.why) for one in calls.calls}
    assert {outcome for outcome, _ in told.values()} == {CallOutcome.UNSUPPORTED}
    assert told["a.js", "a"][1] == "it uses expect.toMatchSnapshot"
    assert told["a.js", "b"][1] == "it uses mocks.useFakeTimers"
    assert told["a.js", "c"][1].startswith("it cannot be loaded without its runner (Error: Cannot find module")
    assert told["b.js", ""][1].startswith("it cannot be loaded without its runner (Error: Cannot find module")
    assert told["a.js", "d"][1] == "it is expected to fail"
