"""The line on the source trees of two real packages: from one release to the next, as processes, by one command.

`make` fetches the releases by hash; nothing of theirs is committed here. What the scripted agents write is computed
now, as the difference between the releases: the test writer brings the newer tests, the code writer the newer modules of
the package (build and test configuration is not the code writer's to change, and the pipeline would say so). The
proof is the pipeline's own: the newer tests fail on the older release for a right reason and pass on the newer.

Whole suites run often on such a way, so this is a long proof; `tests/line/test_real_package.py` is its short form.
"""

import ast
import difflib
import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.installation import REPOSITORY, Changeline, git, pinned, value_of
from tests.line import scenarios

SOURCES = REPOSITORY / ".cache" / "sdists"
LEFT_OUT = {"PKG-INFO", "requirements"}
"""Metadata that the build writes, and lists of development tools that nothing here needs or could install offline."""
SLOW = {
    "tests/test_recipes.py": ("PrimeFunctionTests", "test_primes"),
    "tests/test_more.py": ("DiscreteFourierTransformTests", "test_roundtrip"),
}
"""Two of 670 tests of more-itertools take four fifths of every run of its suite; both releases lose their bodies."""

PROGRAM = """\
import json, pathlib, sys
name, steps = json.load(sys.stdin)
path = pathlib.Path(name)
lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
for start, end, text in reversed(steps):
    lines[start:end] = text
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text("".join(lines), encoding="utf-8")
"""

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.thorough,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not SOURCES.is_dir(), reason="`make sources` fetches the releases"),
]


@pytest.mark.parametrize(
    ("before", "after"),
    [("boltons-26.0.0", "boltons-26.1.0"), ("more-itertools-10.6.0", "more_itertools-10.7.0")],
    ids=["boltons", "more-itertools"],
)
def test_a_release_becomes_the_next_one(changeline: Changeline, place: Path, before: str, after: str) -> None:
    old, new = unpacked(before, place / "old"), unpacked(after, place / "new")
    changed = difference(old, new)
    tests = [path for path in changed if path.startswith("tests/")]
    sources = [path for path in changed if (old / path.split("/")[0] / "__init__.py").is_file() and path not in tests]
    red = failing(old, new, tests, place / "mixed")
    assert red, "the newer tests must fail on the older release"
    repository = place / before.rpartition("-")[0]
    shutil.copytree(old, repository)
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", before]):
        git(repository, *arguments)
    scenario = place / "scenario.json"
    scenario.write_text(played(old, new, tests, sources, red), encoding="utf-8")

    evidence = place / "evidence.json"
    done = changeline(
        "run", "--repo", str(repository), "--title", f"From {before} to {after}", "--body", "Bring what the next release adds.",
        "--scenario", str(scenario), "--yes", "--json", "--evidence", str(evidence),
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}{done.stderr[-4000:]}"
    assert value_of(done)["status"] == "completed"
    for path in [*tests, *sources]:
        merged = subprocess.run(["git", "-C", str(repository), "show", f"main:{path}"], capture_output=True, check=True)
        assert merged.stdout == (new / path).read_bytes(), path
    verified = changeline("evidence", "verify", str(evidence), "--repo", str(repository), "--json", *pinned(changeline))
    assert verified.returncode == 0, verified.stdout


def unpacked(name: str, place: Path) -> Path:
    """Unpack a release without what is left out."""
    with tarfile.open(SOURCES / f"{name}.tar.gz") as archive:
        archive.extractall(place, filter="data")
    tree = place / name
    for entry in LEFT_OUT:
        path = tree / entry
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for file, (of, test) in SLOW.items():
        if (tree / file).is_file():
            hollow_out(tree / file, of, test)
    return tree


def hollow_out(file: Path, of: str, test: str) -> None:
    """Leave a test method with nothing to do, if the file has it."""
    lines = lines_of(file)
    classes = [node for node in ast.parse("".join(lines)).body if isinstance(node, ast.ClassDef) and node.name == of]
    for method in (node for one in classes for node in one.body):
        if isinstance(method, ast.FunctionDef) and method.name == test:
            indent = " " * method.body[0].col_offset
            lines[method.body[0].lineno - 1 : method.end_lineno] = [f"{indent}pass\n"]
    file.write_text("".join(lines), encoding="utf-8")


def difference(old: Path, new: Path) -> list[str]:
    """Return the files that the newer release adds or changes, by path. A release that deletes files would need more."""
    files = sorted(str(path.relative_to(new)) for path in new.rglob("*") if path.is_file())
    return [
        path for path in files if not (old / path).is_file() or (old / path).read_bytes() != (new / path).read_bytes()
    ]


def failing(old: Path, new: Path, tests: list[str], mixed: Path) -> dict[str, list[str]]:
    """Run the newer tests on the older sources; returns the names that fail, by file."""
    shutil.copytree(old, mixed)
    for path in tests:
        shutil.copyfile(new / path, mixed / path)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=no", "-rf", "-p", "no:cacheprovider", *tests],
        cwd=mixed, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(mixed)},
    )  # fmt: skip
    found: dict[str, list[str]] = {}
    for path, name in re.findall(r"^FAILED (\S+?)::(\S+)", ran.stdout, re.MULTILINE):
        found.setdefault(path, []).append(name.partition("[")[0])
    return {path: list(dict.fromkeys(names)) for path, names in found.items()}


def played(old: Path, new: Path, tests: list[str], sources: list[str], red: dict[str, list[str]]) -> str:
    """Return the scenario in which the agents bring exactly the difference."""
    files = [
        {"path": path, "kind": "change", "scenarios": [{"scenario_id": "S1", "test_names": red.get(path) or declared(new / path)}]}
        for path in tests
    ]  # fmt: skip
    first = next(iter(red))
    covered = {"scenario_id": "S1", "status": "covered", "test": f"{first}::{red[first][0]}", "code": sources[0]}
    passed = scenarios.tool("submit_review", verdict="pass", findings=[])
    seen = scenarios.tool("submit_review", verdict="pass", findings=[], coverage=[covered])
    return scenarios.scenario(
        scenarios.part(
            "test_writer", scenarios.turn(*edits(old, new, tests)), scenarios.turn(scenarios.tool("submit_tests", files=files))
        ),
        scenarios.part("code_writer", scenarios.turn(*edits(old, new, sources)), scenarios.turn(scenarios.submit_code(*sources))),
        scenarios.part("security_reviewer", scenarios.turn(passed)),
        scenarios.part("quality_reviewer", scenarios.turn(passed)),
        scenarios.part("spec_reviewer", scenarios.turn(seen)),
        scenarios.part("requirements_analyst", scenarios.turn(scenarios.tool("submit_requirements", requirements=[scenarios.REQUIREMENT]))),
        scenarios.part("retrospective", scenarios.turn(scenarios.tool("submit_learnings", learnings=[]))),
    )  # fmt: skip


def edits(old: Path, new: Path, paths: list[str]) -> list[dict[str, object]]:
    """Return one shell command per file that turns its older text into its newer one, line range by line range."""
    return [scenarios.bash(edit(path, lines_of(old / path), lines_of(new / path))) for path in paths]


def edit(path: str, old: list[str], new: list[str]) -> str:
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    steps = [(i1, i2, new[j1:j2]) for kind, i1, i2, j1, j2 in matcher.get_opcodes() if kind != "equal"]
    given = json.dumps([path, steps])
    return f"cat > .edit.py <<'PROGRAM'\n{PROGRAM}PROGRAM\npython3 .edit.py <<'STEPS'\n{given}\nSTEPS\nrm .edit.py"


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []


def declared(path: Path) -> list[str]:
    """Return the names of the test functions and methods of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test")][
        :50
    ]
