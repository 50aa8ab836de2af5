"""Which process runs a repository's tests, and where its results come out.

Problem: every runner needs other flags to give per-test results, to run past the first failure, and to run only some
files; a repository's own configuration (markers, plugins, paths) must keep working. Choice: build our own argument
list per runner, add only what the proof needs, and override only what would hide results (`--maxfail`, `--bail`,
coverage thresholds). Results go to a private directory that is new for each run.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from importlib.resources import files
from pathlib import Path, PurePosixPath

from pipeline.ports import Stack
from pipeline.proof.node_scripts import NodeSuite, only_style_around, suite_of
from pipeline.proof.owners import contains
from pipeline.proof.path_globs import matches_any
from pipeline.proof.test_sources import declared_tests
from pipeline.proof.untrusted_files import holds_file, inside, read_source, walk_files

PYTEST_CONFIGURATION = (
    "pyproject.toml", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "setup.cfg", "tox.ini",
)  # fmt: skip
JAVA_RESULTS = ("**/target/surefire-reports/TEST-*.xml", "**/target/failsafe-reports/TEST-*.xml")
GRADLE_RESULTS = ("**/build/test-results/**/TEST-*.xml",)
NEXTEST_CONFIGURATION = ".config/nextest.toml"
_NEXTEST_NO_TESTS = 4
_SYSTEM = ("/usr/local/bin", "/usr/bin")
_BUILT = (".ts", ".mts", ".cts", ".tsx", ".jsx")
_UNITTEST_NAMES = ("test*.py", "*_test.py", "*_tests.py")
_JUNIT_PATH = re.compile(r"""(?:--junit-?xml|--junitfile|--output-junit|--log-junit)[= ]['"]?([\w./-]+\.xml)""")


class ResultFormat(StrEnum):
    """How the results of a command are read."""

    PYTHON_JUNIT = "python_junit"
    NODE_EVENTS = "node_events"
    JEST_JSON = "jest_json"
    MOCHA_JSON = "mocha_json"
    AVA_TAP = "ava_tap"
    BUN_JUNIT = "bun_junit"
    GO_EVENTS = "go_events"
    CARGO_TEXT = "cargo_text"
    NEXTEST_JUNIT = "nextest_junit"
    JAVA_JUNIT = "java_junit"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCommand:
    """A process to run and how to read it."""

    __test__ = False

    argv: tuple[str, ...]
    results: ResultFormat
    result_file: Path | None = None
    """None: results are in the output, or in `result_globs` below the tree."""
    result_globs: tuple[str, ...] = ()
    narrowed: bool = True
    """Whether the command runs only the selected files; False runs the whole suite instead."""
    chosen: tuple[str, ...] = ()
    """The files that it was told to run; empty where it runs what the repository says."""
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a run happens. `tools` is read-only for the test process, `results` writable and new."""

    tree: Path
    tools: Path
    results: Path
    programs: tuple[Path, ...] = ()
    """The directories of the environment's programs, in the order of their search."""
    checkout: Path | None = None
    """The whole repository's, where `tree` is the folder of a component."""


def plan_command(stack: Stack, places: Places, selection: Sequence[str] | None) -> TestCommand:
    """Build the command for a stack; `selection` names test files, None the full suite. Reads files of the tree."""
    build = _BUILDERS.get(stack.runner, _custom)
    command = build(stack, places, None if selection is None else tuple(selection))
    if not stack.setup:
        return command
    return replace(command, argv=("sh", "-c", " && ".join((*stack.setup, 'exec "$@"')), "sh", *command.argv))


def _pytest(stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    target = places.results / "junit.xml"
    script = _tool(places, "pytest_first.py")
    argv = [
        "python", str(script), str(places.checkout or places.tree), f"--rootdir={places.tree}", "--maxfail=0", "--continue-on-collection-errors",
        "--tb=short", "-o", "junit_family=xunit1", "-o", "junit_logging=no", f"--junitxml={target}",
    ]  # fmt: skip
    if _has_plugin(places, "pytest_cov") and any(
        "--cov" in read_source(places.tree, name) for name in PYTEST_CONFIGURATION
    ):
        argv.append("--no-cov")
    argv += [f"--ignore={folder}" for folder in stack.leaves_out]
    argv += ["--", *(chosen or ())] if chosen else []
    return TestCommand(argv=tuple(argv), results=ResultFormat.PYTHON_JUNIT, result_file=target)


def _has_plugin(places: Places, module: str) -> bool:
    """Whether the environment itself has a plugin; options of one that is not there stop pytest before it begins."""
    return any(any(place.parent.glob(f"lib/python*/site-packages/{module}")) for place in places.programs)


def _unittest(stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    script = _tool(places, "unittest_junit.py")
    target = places.results / "junit.xml"
    chosen = _unittest_files(stack, places.tree) if chosen is None else chosen
    argv = ("python", str(script), str(target), str(places.tree), *chosen)
    return TestCommand(argv=argv, results=ResultFormat.PYTHON_JUNIT, result_file=target)


def _unittest_files(stack: Stack, tree: Path) -> tuple[str, ...]:
    patterns = stack.test_patterns or ("test*.py",)
    named = (path for path in walk_files(tree) if matches_any(path, patterns))
    own = (path for path in named if not any(contains(folder, path) for folder in stack.leaves_out))
    return tuple(path for path in own if matches_any(path, _UNITTEST_NAMES) or _holds_tests(tree, path))


def _holds_tests(tree: Path, path: str) -> bool:
    """Whether a file of the tests, such as `tests/CoreTest.py`, is one itself and no help for others."""
    return path.endswith(".py") and bool(declared_tests(path, read_source(tree, path)))


def _node(_stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    target = places.results / "events.jsonl"
    suite = _node_suite(places, "node_test", ("node",))
    suite = replace(suite, files=tuple(_expanded(places.tree, suite.files)))
    reporter = _tool(places, "node_reporter.mjs")
    flags = ("--test", *suite.flags, f"--test-reporter={reporter.as_uri()}", f"--test-reporter-destination={target}")
    return _by_node(suite, flags, chosen, results=ResultFormat.NODE_EVENTS, result_file=target)


def _jest(_stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    target = places.results / "jest.json"
    suite = _node_suite(places, "jest", ("jest",))
    flags = (*suite.flags, "--ci", "--json", f"--outputFile={target}", "--bail=0", "--coverage=false")
    flags += ("--runTestsByPath",) if chosen else ()
    return _by_node(suite, flags, chosen, results=ResultFormat.JEST_JSON, result_file=target)


def _vitest(_stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    target = places.results / "vitest.json"
    suite = _node_suite(places, "vitest", ("vitest",))
    flags = ("run", *suite.flags, "--reporter=json", f"--outputFile={target}", "--bail=0", "--coverage.enabled=false")
    return _by_node(suite, flags, chosen, results=ResultFormat.JEST_JSON, result_file=target)


def _mocha(_stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    target = places.results / "mocha.json"
    suite = _node_suite(places, "mocha", ("mocha",))
    flags = (*suite.flags, "--reporter=json", f"--reporter-option=output={target}", "--no-bail")
    return _by_node(suite, flags, chosen, results=ResultFormat.MOCHA_JSON, result_file=target)


def _ava(_stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    suite = _node_suite(places, "ava", ("ava",))
    return _by_node(suite, (*suite.flags, "--tap"), chosen, results=ResultFormat.AVA_TAP)


def _bun(_stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    target = places.results / "bun.xml"
    suite = _node_suite(places, "bun_test", ("bun", "test"))
    flags = (*suite.flags, "--reporter=junit", f"--reporter-outfile={target}")
    return _by_node(suite, flags, chosen, results=ResultFormat.BUN_JUNIT, result_file=target)


def _node_suite(places: Places, runner: str, program: tuple[str, ...]) -> NodeSuite:
    """Return how the repository starts this runner; without a script that does, its program alone."""
    found = suite_of(read_source(places.tree, "package.json"))
    return found if found is not None and found.runner == runner else NodeSuite(runner=runner, program=program)


def _by_node(
    suite: NodeSuite,
    flags: Sequence[str],
    chosen: tuple[str, ...] | None,
    *,
    results: ResultFormat,
    result_file: Path | None = None,
) -> TestCommand:
    """Put the parts together. Tests that are built before they run cannot be chosen by their sources."""
    narrowed = chosen is None or not (suite.before and any(path.endswith(_BUILT) for path in chosen))
    files = chosen if chosen and narrowed else suite.files
    argv = (*suite.program, *flags, *files)
    after = suite.after if chosen is None else ()
    if after:
        # The tests are told by their report; what comes after them can only add a failure.
        told = f'"$@"; code=$?; {" && ".join(after)} || {{ [ $code != 0 ] || code=$?; }}; exit $code'
        argv = ("sh", "-c", "".join(f"{step} && " for step in suite.before) + f"{{ {told}; }}", "sh", *argv)
    elif suite.before:
        argv = ("sh", "-c", " && ".join((*suite.before, 'exec "$@"')), "sh", *argv)
    return TestCommand(
        argv=argv, results=results, result_file=result_file, narrowed=narrowed, variables=dict(suite.variables),
        chosen=files if chosen and narrowed else (),
    )  # fmt: skip


def _expanded(tree: Path, files: Sequence[str]) -> Iterator[str]:
    """Patterns as a shell would put files in their place; node itself knows none before its version 21."""
    for file in files:
        found = sorted(path for path in walk_files(tree) if matches_any(path, (file,))) if "*" in file else []
        yield from found or [file]


def _go(_stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    if not chosen:
        everything = ("go", "test", "-json", "-count=1", *_go_patterns(places.tree))
        return TestCommand(argv=everything, results=ResultFormat.GO_EVENTS)
    folders = sorted({f"./{PurePosixPath(path).parent}" for path in chosen})
    names = sorted({test.name for path in chosen for test in declared_tests(path, read_source(places.tree, path))})
    pattern = f"^({'|'.join(map(re.escape, names))})$" if names else "^$"
    argv = ("go", "test", "-json", "-count=1", "-run", pattern, *folders)
    return TestCommand(argv=argv, results=ResultFormat.GO_EVENTS)


def _go_patterns(tree: Path) -> list[str]:
    """All packages: those of each module of a workspace, since `./...` at its root means no module."""
    used = go_workspace(read_source(tree, "go.work"))
    return [f"./{folder}/..." if folder != "." else "./..." for folder in used] or ["./..."]


def go_workspace(text: str) -> list[str]:
    """Return the folders that a go.work uses, relative to it; empty for a text that is none."""
    found: list[str] = []
    for block in re.finditer(r"(?ms)^use\s*(?:\((?P<many>.*?)^\s*\)|(?P<one>[^\s(]+))", text):
        lines = (block.group("many") or block.group("one")).splitlines()
        found += [name for line in lines if (name := line.partition("//")[0].strip().strip('"`'))]
    folders = [str(PurePosixPath(name)) for name in found]
    return [folder for folder in folders if not folder.startswith(("/", ".."))]


def _cargo(_stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    targets = [_cargo_target(path) for path in chosen or ()]
    narrowed = bool(targets) and all(targets)
    only = [word for target in targets for word in ("--test", target)] if narrowed else []
    if holds_file(places.tree, NEXTEST_CONFIGURATION) and _has_program(places, "cargo-nextest"):
        return _nextest(places, only, narrowed=narrowed or chosen is None)
    argv = ("cargo", "test", "--offline", "--no-fail-fast", *only)
    return TestCommand(argv=argv, results=ResultFormat.CARGO_TEXT, narrowed=narrowed or chosen is None)


def _nextest(places: Places, only: Sequence[str], *, narrowed: bool) -> TestCommand:
    """Run what nextest runs with the repository's own profile, then the documentation's tests, which it does not know."""
    target = places.results / "nextest.xml"
    profile = _written(places, "nextest.toml", f"[profile.changeline.junit]\npath = {json.dumps(str(target))}\n")
    argv = ["cargo", "nextest", "run", "--offline", "--no-fail-fast"]
    argv += ["--tool-config-file", f"changeline:{profile}", "--profile", "changeline", *only]
    libraries = any(PurePosixPath(path).name == "lib.rs" for path in walk_files(places.tree))
    script = f'"$@"; code=$?; [ $code -ne {_NEXTEST_NO_TESTS} ] || code=0; '
    if libraries and not only:
        script += "cargo test --offline --no-fail-fast --doc || { doc=$?; [ $code -ne 0 ] || code=$doc; }; "
    return TestCommand(
        argv=("sh", "-c", f"{script}exit $code", "sh", *argv), results=ResultFormat.NEXTEST_JUNIT, result_file=target,
        narrowed=narrowed,
    )  # fmt: skip


def _has_program(places: Places, name: str) -> bool:
    """Whether the environment, or the system below it, has a program."""
    return any((place / name).is_file() for place in (*places.programs, *map(Path, _SYSTEM)))


def _cargo_target(path: str) -> str:
    """Name the integration test of a crate's `tests/NAME.rs` or `tests/NAME/main.rs`; empty for tests inside sources."""
    found = re.fullmatch(r"(?:.+/)?tests/([\w-]+)(?:\.rs|/main\.rs)", path)
    return found.group(1) if found else ""


def _maven(_stack: Stack, _places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    argv = ["mvn", "-B", "-o", "-ntp", "--fail-at-end", "-DskipTests=false", "-Dmaven.test.skip=false"]
    if chosen:
        classes = ",".join(PurePosixPath(path).stem for path in chosen)
        argv += [f"-Dtest={classes}", "-Dsurefire.failIfNoSpecifiedTests=false", "-DfailIfNoTests=false"]
    return TestCommand(argv=(*argv, "test"), results=ResultFormat.JAVA_JUNIT, result_globs=JAVA_RESULTS)


def _gradle(_stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    program = ["sh", "./gradlew"] if holds_file(places.tree, "gradlew") else ["gradle"]
    argv = [*program, "--offline", "--console=plain", "--continue", "--no-daemon", "test"]
    for path in chosen or ():
        argv += ["--tests", f"*{PurePosixPath(path).stem}"]
    return TestCommand(argv=tuple(argv), results=ResultFormat.JAVA_JUNIT, result_globs=GRADLE_RESULTS)


def _npm_script(stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    own = tuple(stack.test_command.split())
    argv = ("npm", "test", "--silent") if own[:1] == ("npm",) else own
    if own[:1] == ("npm",) and only_style_around(read_source(places.tree, "package.json")):
        argv += ("--ignore-scripts",)
    return TestCommand(argv=argv, results=ResultFormat.COMMAND, narrowed=chosen is None)


def _custom(stack: Stack, places: Places, chosen: tuple[str, ...] | None) -> TestCommand:
    named = _JUNIT_PATH.search(stack.test_command)
    return TestCommand(
        argv=("sh", "-c", stack.test_command),
        results=ResultFormat.COMMAND,
        result_file=inside(places.tree, named.group(1)) if named else None,
        narrowed=chosen is None,
    )


def _tool(places: Places, name: str) -> Path:
    """Put one of our own scripts where the test process can read but not change it."""
    return _written(places, name, files("pipeline.proof.results").joinpath(name).read_text("utf-8"))


def _written(places: Places, name: str, text: str) -> Path:
    target = places.tools / name
    target.write_text(text, "utf-8")
    # The process's umask may keep files to itself; tests run as another user.
    target.chmod(0o644)
    places.tools.chmod(0o755)
    return target


_BUILDERS: dict[str, Callable[[Stack, Places, tuple[str, ...] | None], TestCommand]] = {
    "pytest": _pytest,
    "unittest": _unittest,
    "node_test": _node,
    "jest": _jest,
    "vitest": _vitest,
    "mocha": _mocha,
    "ava": _ava,
    "bun_test": _bun,
    "go_test": _go,
    "cargo_test": _cargo,
    "maven": _maven,
    "gradle": _gradle,
    "npm_script": _npm_script,
}
