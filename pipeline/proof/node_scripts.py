"""Which test runner a package's own test script starts, and how.

Problem: `npm test` tells an exit code; per-test results need the runner's own reporter, and most scripts build or lint
before they test. Choice: read the script as the shell would, through `npm run`, wrappers and assignments, and keep what the
repository says: variables, flags, build steps that come first. What judges style is left out, because it says nothing about
behaviour. A script that is more than a plain sequence is not read; it runs as it stands and tells its exit code.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from pipeline.proof.json_text import parsed_object

_RUNNERS = {
    "vitest": "vitest", "jest": "jest", "mocha": "mocha", "_mocha": "mocha", "ts-mocha": "mocha", "ava": "ava",
}  # fmt: skip
_NODES = frozenset({"node", "tsx", "ts-node"})
_WRAPPERS = frozenset({"c8", "nyc", "npx", "bunx", "cross-env", "env"})
_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
_STYLE = re.compile(
    r"(?:eslint|xo|standard|prettier|tslint|biome|oxlint|stylelint|tsd|attw|publint|dtslint|knip|depcheck|commitlint|markdownlint\S*)$"
)
_STYLE_SCRIPT = re.compile(r"(?:lint|format|style|prettier|types?$|type-?check|check-types|check:types|tsd)")
_ASSIGNED = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)
_DEPTH_MAX = 5
_STEPS_MAX = 20
_WITH_VALUE: Mapping[str, frozenset[str]] = {
    "node_test": frozenset({"--import", "--require", "-r", "--loader", "--experimental-loader", "-C", "--conditions"}),
    "mocha": frozenset(
        [
            "-r",
            "--require",
            "--import",
            "--loader",
            "--config",
            "--package",
            "--timeout",
            "-t",
            "--slow",
            "-s",
            "--ui",
            "-u",
            "--grep",
            "-g",
            "--fgrep",
            "-f",
            "--ignore",
            "--exclude",
            "--extension",
            "--file",
            "--retries",
            "-n",
            "--node-option",
            "-j",
            "--jobs",
            "-p",
            "--project",
            "--tsconfig",
        ]
    ),
    "jest": frozenset(
        [
            "-c",
            "--config",
            "--rootDir",
            "--selectProjects",
            "-t",
            "--testNamePattern",
            "-w",
            "--maxWorkers",
            "--env",
            "--testEnvironment",
            "--preset",
            "--projects",
            "--testTimeout",
            "--setupFilesAfterEach",
        ]
    ),
    "vitest": frozenset(
        [
            "-c",
            "--config",
            "-r",
            "--root",
            "--dir",
            "--project",
            "--pool",
            "--environment",
            "-t",
            "--testNamePattern",
            "--mode",
            "--testTimeout",
        ]
    ),
    "ava": frozenset({"-m", "--match", "-T", "--timeout", "-c", "--concurrency", "--config", "--node-arguments"}),
    "bun_test": frozenset({"--preload", "-t", "--test-name-pattern", "--timeout"}),
}
_DROPPED: Mapping[str, re.Pattern[str]] = {
    "node_test": re.compile(r"--(?:test(?:-reporter.*|-force-exit)?|watch|experimental-test-coverage|test-.*)(?:=.*)?"),
    "mocha": re.compile(r"-R|-O|-w|-b|--(?:reporter(?:-options?)?|watch|bail|parallel)(?:=.*)?"),
    "jest": re.compile(
        r"-o|-b|--(?:watch\w*|coverage\w*|collectCoverage\w*|bail|reporters|json|outputFile|ci|onlyChanged|changedSince|testPathPatterns?|verbose|silent)(?:=.*)?"
    ),
    "vitest": re.compile(r"-w|--(?:watch|run|ui|bail|silent|reporter|outputFile|coverage|changed)(?:[.=].*)?"),
    "ava": re.compile(r"-t|-v|-w|--(?:tap|verbose|watch|fail-fast)"),
    "bun_test": re.compile(r"--(?:bail|coverage\S*|watch|reporter|reporter-outfile)(?:=.*)?"),
}
_DROPPED_WITH_VALUE = frozenset(
    [
        "-R",
        "-O",
        "--reporter",
        "--reporter-option",
        "--reporter-options",
        "--reporters",
        "--outputFile",
        "--testPathPattern",
        "--testPathPatterns",
        "--test-reporter",
        "--test-reporter-destination",
        "--reporter-outfile",
        "--changedSince",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSuite:
    """How a package tests itself. `runner` is a `Stack.runner`."""

    runner: str
    program: tuple[str, ...]
    """What starts the runner, with the flags of node that belong before it."""
    flags: tuple[str, ...] = ()
    """The repository's own, without those that choose a reporter, stop early, watch or measure coverage."""
    files: tuple[str, ...] = ()
    """The files, folders or patterns that the script names."""
    before: tuple[str, ...] = ()
    """Shell commands that come first, such as a build."""
    after: tuple[str, ...] = ()
    """Shell commands that come after, such as the same tests on what was built; their exit code counts."""
    variables: Mapping[str, str] = field(default_factory=dict)


def only_style_around(package_json: str) -> bool:
    """Whether nothing that tests need comes before the test script: what does only judges style, or nothing does.

    npm leaves `pretest` and `posttest` out with `--ignore-scripts`, and runs the script itself all the same.
    """
    scripts = _scripts(package_json)
    behind = [name[3:] for name in scripts if name.startswith("pre") and name != "pretest"]
    if any(name in scripts and not _STYLE_SCRIPT.match(name) for name in behind):
        return False
    steps = _steps_of("pretest", scripts, (), 0) if "pretest" in scripts else []
    return steps is not None and all(map(_is_style, steps))


def _scripts(package_json: str) -> dict[str, str]:
    scripts: Any = parsed_object(package_json).get("scripts")
    listed = scripts.items() if isinstance(scripts, dict) else ()
    return {str(name): text for name, text in listed if isinstance(text, str)}


def suite_of(package_json: str) -> NodeSuite | None:
    """Read what `npm test` does by this package.json; None when that is not one readable run of a known runner."""
    steps = _steps_of("test", _scripts(package_json), (), 0)
    if steps is None or len(steps) > _STEPS_MAX:
        return None
    read = [_suite(step) for step in steps]
    at = next((number for number, suite in enumerate(read) if suite is not None), None)
    found = None if at is None else read[at]
    others = {suite.runner for suite in read if suite is not None}
    if at is None or found is None or len(others) > 1:
        return None
    before, after = (
        tuple(shlex.join(step) for step in part if not _is_style(step)) for part in (steps[:at], steps[at + 1 :])
    )
    return replace(found, before=before, after=after)


def _steps_of(name: str, scripts: Mapping[str, str], more: Sequence[str], depth: int) -> list[list[str]] | None:
    """Return the commands of a script and of what it runs in turn; None when it is more than a sequence."""
    if depth > _DEPTH_MAX or name not in scripts:
        return None
    steps: list[list[str]] = []
    for called, extra in ((f"pre{name}", ()), (name, more)):
        if called not in scripts:
            continue
        own = _sequence(scripts[called])
        if own is None:
            return None
        own[-1] += extra
        for step in own:
            inner = _called(step, scripts, depth)
            if inner is None:
                return None
            steps += inner
    return steps


def _sequence(script: str) -> list[list[str]] | None:
    if "$" in script or "`" in script or "\n" in script:
        return None
    words = shlex.shlex(script, posix=True, punctuation_chars="&|;<>()")
    words.whitespace_split = True
    words.commenters = ""
    steps: list[list[str]] = [[]]
    try:
        for word in words:
            if word == "&&":
                steps.append([])
            elif word and not word.strip("&|;<>()"):
                return None
            else:
                steps[-1].append(word)
    except ValueError:
        return None
    return steps if all(steps) else None


def _called(step: list[str], scripts: Mapping[str, str], depth: int) -> list[list[str]] | None:
    """Follow `npm run x`, `yarn x`, `run-s x y`; what is no such call is itself the step."""
    if step[0] in {"npm-run-all", "run-s", "npm-run-all2"}:
        names = [name for word in step[1:] if not word.startswith("-") for name in _matching(word, scripts)]
        inner = [_steps_of(name, scripts, (), depth + 1) for name in names]
        return None if None in inner else [one for steps in inner if steps is not None for one in steps]
    if step[0] not in _MANAGERS or len(step) < 2:  # noqa: PLR2004 - a manager and what it is to do
        return [step]
    rest = [word for word in step[1:] if word not in {"--silent", "-s"}]
    runs = rest[:1] in (["run"], ["run-script"])
    name, more = (rest[1:2], rest[2:]) if runs else (rest[:1], rest[1:])
    if not name or name[0] not in scripts or (step[0] == "bun" and not runs):
        return [step]
    if _STYLE_SCRIPT.match(name[0]):
        return []
    if step[0] == "npm":
        more = more[more.index("--") + 1 :] if "--" in more else more
    return _steps_of(name[0], scripts, more, depth + 1)


def _matching(word: str, scripts: Mapping[str, str]) -> list[str]:
    if not word.endswith("*"):
        return [word]
    return [name for name in scripts if name.startswith(word.rstrip("*")) and not _STYLE_SCRIPT.match(name)]


def _suite(step: Sequence[str]) -> NodeSuite | None:
    variables: dict[str, str] = {}
    words = list(step)
    while words and (words[0] in _WRAPPERS or _ASSIGNED.fullmatch(words[0])):
        assigned = _ASSIGNED.fullmatch(words[0])
        if assigned is not None:
            variables[assigned.group("name")] = assigned.group("value")
        if words.pop(0) in {"c8", "nyc", "npx"}:
            while words and not _starts(words[0]):
                words.pop(0)
    if not words:
        return None
    name = PurePosixPath(words[0]).name
    if name in _RUNNERS:
        return _with_flags(_RUNNERS[name], (words[0],), words[1:], variables)
    if words[:2] == ["bun", "test"]:
        return _with_flags("bun_test", ("bun", "test"), words[2:], variables)
    return _by_node(words, variables) if name in _NODES else None


def _by_node(words: list[str], variables: Mapping[str, str]) -> NodeSuite | None:
    """Read `node --test …`, and `node flags path/to/runner …`."""
    if any(word == "--test" for word in words):
        return _with_flags("node_test", (words[0],), words[1:], variables)
    for number, word in enumerate(words[1:], 1):
        bare = PurePosixPath(word).name.removesuffix(".mjs").removesuffix(".js").removesuffix(".cjs")
        within = word.partition("node_modules/")[2].partition("/")[0]
        runner = _RUNNERS.get(bare, _RUNNERS.get(within)) if within else None
        if runner is not None:
            return _with_flags(runner, tuple(words[: number + 1]), words[number + 1 :], variables)
    return None


def _starts(word: str) -> bool:
    name = PurePosixPath(word).name
    return name in _RUNNERS or name in _NODES or name in _WRAPPERS or _ASSIGNED.fullmatch(word) is not None


def _with_flags(runner: str, program: tuple[str, ...], words: list[str], variables: Mapping[str, str]) -> NodeSuite:
    flags: list[str] = []
    files: list[str] = []
    rest = iter(words[1:] if runner == "vitest" and words[:1] in (["run"], ["watch"], ["dev"]) else words)
    for word in rest:
        if word in _WITH_VALUE[runner]:
            flags += [word, next(rest, "")]
        elif word == "--spec":
            files.append(next(rest, ""))
        elif word.startswith("-") and _DROPPED[runner].fullmatch(word):
            if word in _DROPPED_WITH_VALUE:
                next(rest, "")
        elif word.startswith("-"):
            flags += [] if word == "--" else [word]
        else:
            files.append(word)
    return NodeSuite(runner=runner, program=program, flags=tuple(flags), files=tuple(files), variables=dict(variables))


def _is_style(step: Sequence[str]) -> bool:
    words = [word for word in step if word not in _WRAPPERS and not _ASSIGNED.fullmatch(word)]
    if not words:
        return True
    if "--typecheck.only" in words:
        return True
    return _STYLE.match(PurePosixPath(words[0]).name) is not None or (words[0] == "tsc" and "--noEmit" in words)
