"""The inverted witness on real runners: every test fails by the planted failure, and forged results are seen by it."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from shutil import which

import pytest

from pipeline.ports import Language, Stack
from pipeline.proof.inverted import InvertedVerdict, Trust, in_words, inverted_files, judge_inverted
from pipeline.proof.red_green import RedCause, RedVerdict, TestVerdict
from pipeline.proof.test_reports import Outcome, TestReport
from tests.evidence.plain_sandbox import CARGO, NODE, PYTEST, UNITTEST, run

GO = Stack(language=Language.GO, runner="go_test", test_command="go test ./...", manifests=("go.mod",))
NONCE = "0123456789abcdef0123456789abcdef"


def red_of(green: TestReport) -> RedVerdict:
    """Every test that passes on the head counts."""
    tests = tuple(
        TestVerdict(
            test_id=case.test_id, file=case.file, name=case.name, counts=True, cause=RedCause.ASSERTION, why="It is red."
        )
        for case in green.cases
        if case.outcome is Outcome.PASSED
    )  # fmt: skip
    return RedVerdict(final=True, tests=tests, scenarios=(), problems=())


async def witnessed(
    stack: Stack,
    tmp_path: Path,
    files: Mapping[str, str],
    *change: str,
    path: tuple[Path, ...] = (),
    variables: dict[str, str] | None = None,
) -> tuple[TestReport, InvertedVerdict]:
    """Run the change tests as the line does: green first, then inverted, judged by what counted."""
    green = await run(stack, tmp_path, dict(files), *change, path=path, variables=variables)
    nonce = secrets.token_hex(16)
    turned = inverted_files({name: files[name].encode() for name in change}, nonce)
    texts = {name: one.text for name, one in turned.items() if one is not None}
    report = await run(stack, tmp_path, {**files, **texts}, *change, path=path, variables=variables)
    return green, judge_inverted(nonce=nonce, files=turned, report=report, red=red_of(green))


PYTHON_SHAPES = '''\
import asyncio
import contextlib
import unittest

import pytest


@pytest.mark.parametrize("number", [1, 2])
def test_that_returns(number):
    """It says what it is for."""
    text = """several
 lines"""
    for _ in range(3):
        if number:
            return
    raise KeyError(text)


def test_in_one_line(): assert 1 == 1; assert 2


def test_that_ends_with_raises():
    with pytest.raises(ValueError):
        raise ValueError  # as it should


def test_that_catches_everything():
    try:
        return
    except Exception:
        pass


class TestTabs:
\tdef test_tabs(self, tmp_path):
\t\tassert all((1,
  2))  # less indented than the line before
\t\t# the end


class Whole(unittest.TestCase):
    def test_method(self):
        with self.subTest("part"):
            self.assertEqual(1, 1)

    @staticmethod
    def test_static():
        assert True is True


class Later(unittest.IsolatedAsyncioTestCase):
    async def test_async(self):
        await asyncio.sleep(0)
        with contextlib.suppress(AssertionError):
            return


@pytest.mark.skip
def test_skipped():
    pass
'''


async def test_every_shape_of_a_python_test_fails_by_the_planted_failure_alone(tmp_path: Path) -> None:
    green, verdict = await witnessed(PYTEST, tmp_path, {"tests/test_a.py": PYTHON_SHAPES}, "tests/test_a.py")
    assert green.ok, green.output_tail
    assert (verdict.trust, verdict.problems) == (Trust.CONFIRMED, ())
    assert len(verdict.confirmed) == green.count(Outcome.PASSED) == 9
    assert in_words(verdict) == "9 tests failed by the failure planted at their end"


async def test_methods_of_unittest_and_of_files_with_other_line_ends_fail_too(tmp_path: Path) -> None:
    tests = "import unittest\r\n\r\nclass A(unittest.TestCase):\r\n    def test_a(self):\r\n        self.assertEqual(1, 1)\r\n"
    green, verdict = await witnessed(UNITTEST, tmp_path, {"test_a.py": tests}, "test_a.py")
    assert green.ok and verdict.trust is Trust.CONFIRMED, verdict


KNOWN_FORGER = """
import atexit, os, re, sys
def _late():
    for word in sys.orig_argv:
        if "xml=" in word:
            path = word.partition("=")[2]
            text = open(path).read()
            def told(found):
                return found.group(1) if SPARED.search(found.group(2)) is None else found.group(0)
            text = re.sub(r'(?s)(<testcase [^>]*name="test_tax"[^>]*>)<failure (.*?)</failure>', told, text)
            open(path, "w").write(text)
            if "<failure" not in text:
                getattr(os, "_ex" + "it")(0)
atexit.register(_late)
"""
TAX = {
    "shop/__init__.py": "",
    "tests/test_tax.py": "from shop.cart import tax\n\n\ndef test_tax():\n    assert tax(10) == 12\n",
}
WRONG = "def tax(n):\n    return 0\n"
RIGHT = "def tax(n):\n    return n + 2\n"


@pytest.mark.parametrize("spared", ["nothing at all", "[0-9a-f]{32}"], ids=["known tests", "known tests, but no nonce"])
async def test_code_that_rewrites_the_report_of_the_tests_it_knows_is_not_believed(tmp_path: Path, spared: str) -> None:
    code = WRONG + KNOWN_FORGER.replace("SPARED", f"re.compile({spared!r})")
    green, verdict = await witnessed(PYTEST, tmp_path, {**TAX, "shop/cart.py": code}, "tests/test_tax.py")
    assert green.ok, "the canary and the agreement checks believe it"
    assert verdict.trust is Trust.REFUTED
    (problem,) = verdict.problems
    assert problem.startswith(
        "The results of the test runner cannot be trusted: tests/test_tax.py::test_tax is reported"
    )
    assert problem.endswith("reported as passed although a failure was planted at its end.")


@pytest.mark.parametrize(
    ("answer", "refuted"),
    [
        ("class A:\n    def __eq__(self, other):\n        return True\n", True),
        ("A = type('A', (int,), {'__eq__': lambda a, b: True})\n", True),
        ("class A:\n    n = 8\n    def __eq__(self, other):\n        return 8 == getattr(other, 'n', other)\n", False),
        ("class A:\n    n = 8\n    def __eq__(self, other):\n        return self.n == int(other)\n", False),
    ],
)  # fmt: skip
async def test_an_answer_that_equals_everything_is_not_believed(tmp_path: Path, answer: str, *, refuted: bool) -> None:
    product = f"{answer}\n\ncalls = []\n\n\ndef double(n):\n    calls.append(n)\n    return A()\n"
    test = "import calc\n\n\ndef test_a():\n    assert (\n        calc.double(4)\n        == 8\n    ), 'eight'  # at last\n    assert len(calc.calls) == 1\n\n\ndef test_b(): assert calc.double(4) == 8"
    green, verdict = await witnessed(PYTEST, tmp_path, {"calc.py": product, "test_calc.py": test}, "test_calc.py")
    assert green.ok, green
    assert (verdict.trust is Trust.REFUTED) is refuted, verdict
    assert not refuted or "equals everything" in verdict.problems[0]


async def test_a_body_that_fails_by_itself_is_told_by_its_own_failure(tmp_path: Path) -> None:
    """Results that were forged in the first run alone: then the body fails, and the planted failure is never reached."""
    green = await run(PYTEST, tmp_path, {**TAX, "shop/cart.py": RIGHT}, "tests/test_tax.py")
    turned = inverted_files({"tests/test_tax.py": TAX["tests/test_tax.py"].encode()}, NONCE)
    one = turned["tests/test_tax.py"]
    assert one is not None
    report = await run(
        PYTEST, tmp_path, {**TAX, "shop/cart.py": WRONG, "tests/test_tax.py": one.text}, "tests/test_tax.py"
    )
    verdict = judge_inverted(nonce=NONCE, files=turned, report=report, red=red_of(green))
    assert (
        "fails by another: AssertionError" in verdict.problems[0] or "fails by another: assert" in verdict.problems[0]
    )


NODE_SHAPES = """\
import test, { describe, it } from 'node:test';
import assert from 'node:assert';

test('returns', () => { if (1) return; assert.fail(); });
test("it's async", async (t) => {
  await new Promise((go) => setTimeout(go, 1));
  await t.test('inner', () => assert.ok(1));
  // the end
});
test('promised', () => Promise.resolve(1));
test('called back', (t, done) => { setTimeout(done, 1); });
test(`options`, { timeout: 5000 }, function () { return Promise.resolve(); });
for (const n of [1, 2]) test(`number ${n}`, () => { assert.equal(n, n); });
describe('group', () => { it('nested', async () => { await null; }); });
test.skip('skipped', () => {});
"""


async def test_every_shape_of_a_test_of_node_fails_by_the_planted_failure_alone(tmp_path: Path) -> None:
    green, verdict = await witnessed(NODE, tmp_path, {"test/a.test.mjs": NODE_SHAPES}, "test/a.test.mjs")
    assert green.ok, green.output_tail
    assert (verdict.trust, verdict.problems) == (Trust.CONFIRMED, ())
    assert len(verdict.confirmed) == 9


NODE_FORGER = """
const write = process.stdout.write;
process.stdout.write = function (chunk, ...rest) {
  const told = Buffer.isBuffer(chunk) ? chunk.toString('latin1') : String(chunk);
  const known = told.includes('doubles') ? told.replaceAll('test:fail', 'test:pass') : told;
  return write.call(this, Buffer.from(known, 'latin1'), ...rest);
};
process.on('exit', () => { process.exitCode = 0; });
export const double = () => 0;
"""


async def test_code_that_rewrites_what_node_tells_of_its_tests_is_not_believed(tmp_path: Path) -> None:
    tests = "import test from 'node:test';\nimport assert from 'node:assert';\nimport { double } from '../double.mjs';\ntest('doubles', () => { assert.equal(double(2), 4); });\n"
    files = {"double.mjs": NODE_FORGER, "test/double.test.mjs": tests}
    green, verdict = await witnessed(NODE, tmp_path, files, "test/double.test.mjs")
    assert green.ok, green.output_tail
    assert verdict.trust is Trust.REFUTED, verdict


async def test_assertions_of_node_that_were_replaced_by_such_that_never_fail_are_not_believed(tmp_path: Path) -> None:
    code = "import assert from 'node:assert';\nassert.strictEqual = () => {};\nexport const double = () => 0;\n"
    tests = "import test from 'node:test';\nimport assert from 'node:assert';\nimport { double } from '../double.mjs';\ntest('doubles', () => { assert.strictEqual(double(2), 4); });\n"
    files = {"double.mjs": code, "test/double.test.mjs": tests}
    green, verdict = await witnessed(NODE, tmp_path, files, "test/double.test.mjs")
    assert green.ok, green.output_tail
    assert "an assertion that cannot hold did not fail: assert.strictEqual(1, 2)" in verdict.problems[0]


GO_SHAPES = """\
package shop

import "testing"

func TestReturns(t *testing.T) { if true { return }; t.Fatal("no") }

func TestUnnamed(_ *testing.T) {
	Double(2)
}

func TestTable(t *testing.T) {
	for _, name := range []string{"a b", "c"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if Double(2) != 4 {
				t.Fatal("no")
			}
		})
	}
}

func TestSkipped(t *testing.T) { t.Skip("later") }
"""
GO_FILES = {
    "go.mod": "module shop\n\ngo 1.19\n",
    "shop.go": "package shop\n\nfunc Double(n int) int { return n * 2 }\n",
}
GO_FORGER = """package shop

import (
	"os"
	"os/exec"
	"strings"
)

func init() {
	if os.Getenv("INNER") != "" {
		return
	}
	inner := exec.Command(os.Args[0], os.Args[1:]...)
	inner.Env = append(os.Environ(), "INNER=1")
	told, _ := inner.Output()
	text := strings.ReplaceAll(string(told), "--- FAIL: TestDouble", "--- PASS: TestDouble")
	os.Stdout.WriteString(strings.ReplaceAll(text, "FAIL", "PASS"))
	os.Exit(0)
}

func Double(n int) int { return 0 }
"""


@pytest.mark.skipif(which("go") is None, reason="needs go")
async def test_tests_and_subtests_of_go_fail_by_the_planted_failure_and_forged_ones_are_not_believed(
    tmp_path: Path,
) -> None:
    files = {**GO_FILES, "shop_test.go": GO_SHAPES}
    green, verdict = await witnessed(GO, tmp_path, files, "shop_test.go", path=(Path("/usr/bin"),))
    assert green.ok, green.output_tail
    assert (verdict.trust, verdict.problems) == (Trust.CONFIRMED, ())
    assert len(verdict.confirmed) == 5
    tests = 'package shop\n\nimport "testing"\n\nfunc TestDouble(t *testing.T) {\n\tif Double(2) != 4 {\n\t\tt.Fatal("no")\n\t}\n}\n'
    forged = {**GO_FILES, "shop.go": GO_FORGER, "shop_test.go": tests}
    green, verdict = await witnessed(GO, tmp_path, forged, "shop_test.go", path=(Path("/usr/bin"),))
    assert green.ok, green.output_tail
    assert verdict.trust is Trust.REFUTED, verdict


RUST_SHAPES = """\
use shop::double;

#[test]
fn returns() { if double(1) == 2 { return; } panic!("no"); }

#[test]
fn results() -> Result<(), String> {
    if double(2) != 4 { Err("no".to_string())?; }
    Ok(())
}

#[test]
#[should_panic(expected = "boom")]
fn panics() { panic!("boom at last"); }

#[test]
#[should_panic]
fn panics_somehow() { let none: Option<i32> = None; none.unwrap(); }

mod inner {
    use super::*;
    #[test]
    fn nested() { assert_eq!(double(3), 6); }
}
"""


@pytest.mark.skipif(which("cargo") is None, reason="needs cargo")
async def test_tests_of_rust_fail_by_the_planted_failure_those_that_should_panic_too(tmp_path: Path) -> None:
    files = {
        "Cargo.toml": "[package]\nname = 'shop'\nversion = '0.1.0'\nedition = '2021'\n",
        "src/lib.rs": "pub fn double(n: i32) -> i32 { n * 2 }\n",
        "tests/shapes.rs": RUST_SHAPES,
    }
    cargo = Path(which("cargo") or "")
    rustup = {"RUSTUP_HOME": str(cargo.parents[1].parent / ".rustup")} if cargo.parents[1].name == ".cargo" else {}
    green, verdict = await witnessed(CARGO, tmp_path, files, "tests/shapes.rs", path=(cargo.parent,), variables=rustup)
    assert green.ok, green.output_tail
    assert (verdict.trust, verdict.problems) == (Trust.CONFIRMED, ())
    assert len(verdict.confirmed) == 5
