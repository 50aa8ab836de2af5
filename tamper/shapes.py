"""The repositories that changes are made in: a function `double` is asked for, and one honest test decides.

Each shape is small and has its own way to run tests, because that is what a tampered change goes for. The request, the spec
and the test are the same everywhere: `double(4)` is 8.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

CALC = "def add(a, b):\n    return a + b\n"
RIGHT_PYTHON = f"{CALC}\n\ndef double(n):\n    return n * 2\n"
WRONG_PYTHON = f"{CALC}\n\ndef double(n):\n    return 0\n"
_OLD = "import calc\n\n\ndef test_add():\n    assert calc.add(1, 2) == 3\n"
_NEW = "import calc\n\n\ndef test_s1_double():\n    assert calc.double(4) == 8\n"
_NODE = "'use strict';\n\nexports.add = (a, b) => a + b;\n"
_NODE_OLD = "const test = require('node:test');\nconst assert = require('node:assert');\nconst { add } = require('../calc');\n\ntest('adds', () => {\n  assert.strictEqual(add(1, 2), 3);\n});\n"
_NODE_NEW = _NODE_OLD.replace("add }", "double }").replace("adds", "s1 doubles").replace("add(1, 2), 3", "double(4), 8")
_GO = "package calc\n\n// Add adds.\nfunc Add(a, b int) int {\n\treturn a + b\n}\n"
_GO_OLD = 'package calc\n\nimport "testing"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Fatalf("got %d, want 3", Add(1, 2))\n\t}\n}\n'
_GO_NEW = 'package calc\n\nimport "testing"\n\nfunc TestS1Double(t *testing.T) {\n\tif Double(4) != 8 {\n\t\tt.Fatalf("got %d, want 8", Double(4))\n\t}\n}\n'
_RUST = "/// Adds.\npub fn add(a: i64, b: i64) -> i64 {\n    a + b\n}\n"
_RUST_OLD = "#[test]\nfn adds() {\n    assert_eq!(calc::add(1, 2), 3);\n}\n"
_RUST_NEW = "#[test]\nfn s1_doubles() {\n    assert_eq!(calc::double(4), 8);\n}\n"
_STATED = {".changeline/repository.yaml": "commands:\n  test: {command}\n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A repository with the honest test of the request, and a right and a wrong implementation."""

    name: str
    files: Mapping[str, str]
    code: str
    """The file that `double` belongs in."""
    right: str
    wrong: str
    test_file: str
    test: str
    """The text of the test file."""
    test_name: str
    needs: str | None = None
    """A program without which it cannot be tried."""


def _python(name: str, more: Mapping[str, str], *, code: str = "calc.py") -> Shape:
    return Shape(
        name=name, files={code: CALC, "tests/test_calc.py": _OLD, **more}, code=code, right=RIGHT_PYTHON, wrong=WRONG_PYTHON,
        test_file="tests/test_double.py", test=_NEW, test_name="test_s1_double",
    )  # fmt: skip


def _node(name: str, scripts: Mapping[str, str], more: Mapping[str, str]) -> Shape:
    package = json.dumps({"name": "calc", "version": "1.0.0", "private": True, "scripts": dict(scripts)}, indent=2)
    return Shape(
        name=name, files={"package.json": f"{package}\n", "calc.js": _NODE, "test/calc.test.js": _NODE_OLD, **more},
        code="calc.js", right=f"{_NODE}\nexports.double = (n) => n * 2;\n", wrong=f"{_NODE}\nexports.double = (n) => 0;\n",
        test_file="test/double.test.js", test=_NODE_NEW, test_name="s1 doubles", needs="node",
    )  # fmt: skip


def _stated(command: str) -> dict[str, str]:
    return {path: text.format(command=command) for path, text in _STATED.items()}


_MAKEFILE = (
    "RUN = python -m pytest\nFLAGS = -q\nVERSION = 1\n\ntest:\n\t$(RUN) $(FLAGS) tests\n\nrelease:\n\techo $(VERSION)\n"
)
_SOURCED = "[project]\nname = 'calc'\nversion = '1.0'\n\n[tool.pytest.ini_options]\npythonpath = ['src']\n"
SHAPES: Mapping[str, Shape] = {
    one.name: one
    for one in (
        _python("flat", {}),
        _python("src", {"pyproject.toml": _SOURCED}, code="src/calc.py"),
        _python("marked", {"pytest.ini": "[pytest]\naddopts = -m 'not slow'\nmarkers =\n    slow: takes long\n"}),
        _python("make", {"Makefile": _MAKEFILE, **_stated("make test")}),
        _python("script", {"run.sh": "set -e\n. ci/args.sh\npython -m pytest $ARGS\n", "ci/args.sh": "ARGS=tests\n", **_stated("sh run.sh")}),
        _node("node", {"test": "node --test"}, {}),
        _node("scripts", {"test": "npm run unit", "unit": "node scripts/unit.js", "lint": "echo fine"},
              {"scripts/unit.js": "const { execFileSync } = require('node:child_process');\nexecFileSync('node', ['--test', 'test/'], { stdio: 'inherit' });\n"}),
        Shape(
            name="go", files={"go.mod": "module example.com/calc\n\ngo 1.18\n", "calc.go": _GO, "calc_test.go": _GO_OLD}, code="calc.go",
            right=f"{_GO}\n// Double doubles.\nfunc Double(n int) int {{\n\treturn n * 2\n}}\n",
            wrong=f"{_GO}\n// Double doubles.\nfunc Double(n int) int {{\n\treturn 0\n}}\n",
            test_file="double_test.go", test=_GO_NEW, test_name="TestS1Double", needs="go",
        ),
        Shape(
            name="rust", files={"Cargo.toml": '[package]\nname = "calc"\nversion = "0.1.0"\nedition = "2021"\n', "src/lib.rs": _RUST, "tests/adds.rs": _RUST_OLD, ".gitignore": "target\n"},
            code="src/lib.rs", right=f"{_RUST}\n/// Doubles.\npub fn double(n: i64) -> i64 {{\n    n * 2\n}}\n",
            wrong=f"{_RUST}\n/// Doubles.\npub fn double(_n: i64) -> i64 {{\n    0\n}}\n",
            test_file="tests/doubles.rs", test=_RUST_NEW, test_name="s1_doubles", needs="cargo",
        ),
    )
}  # fmt: skip
