"""Where a failure is planted in a test's text, and where none can stand, without any runner."""

import ast

import pytest

from pipeline.proof.inverted import Trust, in_words, invert, inverted_files, judge_inverted
from pipeline.proof.red_green import RedCause, RedVerdict, TestVerdict
from tests.evidence.test_inverted import NONCE, PYTHON_SHAPES

JUNIT = """\
import org.junit.Test;

public class CartTest {
    @Test public void returns() throws Exception { if (true) return; throw new Exception(); }
    @Test(expected = IllegalStateException.class) public void throwsIt() { throw new IllegalStateException(); }
}
"""


def test_tests_of_java_take_a_failure_and_what_expects_an_exception_is_turned() -> None:
    one = invert("src/test/java/CartTest.java", JUNIT, NONCE)
    assert one is not None and one.tests == ("returns", "throwsIt")
    assert "expected" not in one.text
    assert one.text.count(f'throw new AssertionError("{NONCE}");') == 2
    ruled = JUNIT.replace(
        "public class CartTest {", "public class CartTest {\n    @Rule public ExpectedException thrown;"
    )
    left = invert("CartTest.java", ruled, NONCE)
    assert left is not None and left.tests == () and len(left.left) == 2


@pytest.mark.parametrize(
    ("path", "text", "planted"),
    [
        ("a.test.ts", "test.only<number>('a', async (): Promise<void> => { expect(1).toBe(1); assert.equal(1, 1); });\n", ("a",)),
        ("a.test.tsx", "it('a', () => { render(<A />); });\n", ("a",)),
        ("a.test.js", "it.each([[1]])('a %d', (n, done) => { done(); });\n", ("",)),
        ("a.test.js", "test.each`a\n${1}`('a $a', ({ a }) => { expect(a).toBe(1); });\n", ("",)),
        ("a.test.js", "it.concurrent('a', async () => {});\nxit('b', () => {});\nit.todo('c');\n", ("a",)),
        ("a.spec.ts", "it('a', (end: () => void): void => { end(); });\n", ("a",)),
    ],
)  # fmt: skip
def test_the_shapes_of_jest_vitest_and_mocha_take_a_failure(path: str, text: str, planted: tuple[str, ...]) -> None:
    one = invert(path, text, NONCE)
    assert one is not None
    assert one.tests == planted
    assert one.text.count(NONCE) == len(planted)


def test_every_line_of_a_file_stays_in_its_order() -> None:
    one = invert("test_a.py", PYTHON_SHAPES, NONCE)
    assert one is not None
    ast.parse(one.text)
    planted = iter([line.strip() for line in one.text.splitlines()])
    kept = [line.strip() for line in PYTHON_SHAPES.splitlines() if "one_line" not in line]
    assert all(any(line == other for other in planted) for line in kept)
    assert '\n lines"""' in one.text, "what lies within a string is not moved"


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("features/tax.feature", "Feature: tax\n", "no form"),
        ("tests/test.sh", "exit 0\n", "no form"),
        ("tests/test_a.py", "def test_a(:\n    pass\n", "no form"),
        ("tests/test_a.py", "globals()['test_a'] = lambda: None\ndef test_b():\n    assert f()\n", "made at run time"),
        ("tests/test_a.py", "@raises(ValueError)\ndef test_a():\n    f()\n", "a decorator expects"),
        ("a.test.js", "test('test_a', shared);\n", "stands elsewhere"),
        ("a.test.js", "import test from 'tape';\ntest('test_a', (t) => { t.end(); });\n", "its runner ends a test"),
        ("a_test.go", "package a\n\nfunc Exampletest_a() {}\nfunc ExampleA() {\n\t// Output: 1\n}\n", "made at run time"),
    ],
)  # fmt: skip
def test_where_no_failure_can_stand_that_is_said_and_is_no_proof(path: str, text: str, why: str) -> None:
    case = TestVerdict(
        test_id=f"{path}::test_a", file=path, name="test_a", counts=True, cause=RedCause.ASSERTION, why="It is red."
    )
    red = RedVerdict(final=True, tests=(case,), scenarios=(), problems=())
    files = inverted_files({path: text.encode()}, NONCE)
    verdict = judge_inverted(nonce=NONCE, files=files, report=None, red=red)
    assert verdict.trust is Trust.NOT_POSSIBLE
    assert verdict.ok and why in verdict.not_possible[0]
    assert in_words(verdict).startswith("not possible here: ")


def test_a_text_that_nests_thousands_of_functions_or_is_no_text_ends_nothing() -> None:
    nested = (
        "".join(f"{' ' * depth}def f():\n" for depth in range(3_000)) + " " * 3_000 + "pass\ndef test_a():\n    pass\n"
    )
    invert("test_a.py", nested, NONCE)
    calls = "test(" * 5_000 + ")" * 5_000
    invert("a.test.js", calls, NONCE)
    assert invert("a.test.js", "test('a', () => {" * 2_000 + "})" * 2_000, NONCE) is None
    assert invert("a.test.js", f"test('a', () => {{ a{'.b()' * 5_000}; }});", NONCE) is None
    assert inverted_files({"test_a.py": b"\xff\xfe"}, NONCE) == {"test_a.py": None}
