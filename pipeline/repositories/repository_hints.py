"""What other files of a repository say about how it is set up and tested: for people, agents, containers, CI.

Problem: many repositories say somewhere which command runs their tests, in prose and in configurations of other systems, whose
steps need a network, a service or a machine that is not there. Choice: the commands in `AGENTS.md` are read as such; of the
rest, what is written is shown beside what was found, so that a person can put what counts into the repository's own file.
Pure; nothing is executed, and a file that cannot be read says nothing.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.repositories.components import Aspect, Known, Origin, Source
from pipeline.repositories.stacks import Read
from pipeline.repositories.untrusted_yaml import table_of

AGENTS_FILE = "AGENTS.md"
_DEVCONTAINERS = (".devcontainer/devcontainer.json", ".devcontainer.json")
_LIFECYCLE = ("onCreateCommand", "updateContentCommand", "postCreateCommand", "postStartCommand")
_AGENT_SETUP = (".github/workflows/copilot-setup-steps.yml", ".github/workflows/copilot-setup-steps.yaml")
_WORKFLOW = re.compile(r"\.github/workflows/[^/]+\.ya?ml")
_VERSIONS = (".nvmrc", ".node-version", ".python-version", ".ruby-version", ".java-version", "rust-toolchain")
_BYTES_MAX = 60_000
_SHOWN_MAX = 40
_WORKFLOWS_MAX = 10
_WRAPPED = re.compile(
    r"^(?:uv|poetry|pdm|rye|hatch|pipenv) run (?:--?[\w-]+ )*(?=(?:python3? -m )?(?:pytest|unittest)\b)"
)
_TESTS = re.compile(
    r"^(?:(?:\w+=\S+ )*)(?:(?:python3? -m )?(?:pytest|py\.test|unittest)\b|python3? manage\.py test\b|(?:tox|nox)\b"
    r"|(?:npm|pnpm|yarn|bun) (?:run )?test\b|npx (?:jest|vitest|mocha|ava)\b|node --test\b|go test\b|cargo (?:nextest|test)\b"
    r"|(?:\./)?mvnw? .*\b(?:test|verify)\b|(?:\./)?gradlew? .*\b(?:test|check)\b|(?:make|just|task|rake|composer) (?:test|check)\S*"
    r"|ctest\b|dotnet test\b|bundle exec \w+|(?:hatch|uv run|poetry run|pdm run) \S*test\S*)"
)
_STYLE = (
    (Aspect.LINT, re.compile(r"^(?:ruff check|flake8|pylint|eslint|golangci-lint|cargo clippy|(?:npm|pnpm|yarn|bun) (?:run )?lint|make lint)\b")),
    (Aspect.FORMAT, re.compile(r"^(?:ruff format|black|prettier|gofmt|cargo fmt|(?:npm|pnpm|yarn|bun) (?:run )?format|make (?:fmt|format))\b")),
    (Aspect.TYPECHECK, re.compile(r"^(?:mypy|pyright|tsc|(?:npm|pnpm|yarn|bun) (?:run )?(?:typecheck|type-check)|make types?)\b")),
)  # fmt: skip
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_INLINE = re.compile(r"`([^`\n]{3,200})`")
_PLACEHOLDER = re.compile(r"[<>…]|\.\.\.|\bpath/to\b|\bTEST\b|\bNAME\b")


def commands_for_agents(text: str, path: str = AGENTS_FILE) -> list[Known]:
    """Return the commands that an `AGENTS.md` names, each kind's first: those in code, as a person would type them."""
    found: dict[Aspect, Known] = {}
    for line, command in _code(text[:_BYTES_MAX]):
        plain = _WRAPPED.sub("", command)
        kinds = [Aspect.TEST] if _TESTS.match(plain) else [aspect for aspect, shape in _STYLE if shape.match(plain)]
        for aspect in kinds[:1]:
            if aspect not in found and not _PLACEHOLDER.search(plain):
                origin = Origin(source=Source.AGENTS_FILE, path=path, line=line)
                found[aspect] = Known(aspect=aspect, value=plain, origin=origin, followed=False)
    return list(found.values())


def said_elsewhere(files: Sequence[str], read: Read) -> tuple[Known, ...]:
    """Return what files for others say, in the order of their weight; none of it is followed."""
    present = set(files)
    found: list[Known] = []
    if AGENTS_FILE in present:
        found += commands_for_agents(_text(read, AGENTS_FILE))
    for path in _DEVCONTAINERS:
        if path in present:
            found += _devcontainer(path, _text(read, path))
    for path in _AGENT_SETUP:
        if path in present:
            found += _steps(path, _text(read, path), Source.AGENT_SETUP, every=True)
    for path in (".tool-versions", "mise.toml", ".mise.toml", *_VERSIONS):
        if path in present:
            found += _versions(path, _text(read, path))
    workflows = sorted(one for one in present if _WORKFLOW.fullmatch(one) and one not in _AGENT_SETUP)
    for path in workflows[:_WORKFLOWS_MAX]:
        found += _steps(path, _text(read, path), Source.WORKFLOW, every=False)
    return tuple(dict.fromkeys(found))[:_SHOWN_MAX]


def _code(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of fenced blocks and the inline code of a Markdown text, with their numbers."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if _FENCE.match(line):
            fenced = not fenced
        elif fenced:
            yield number, re.sub(r"\s+#.*$", "", line.strip().removeprefix("$ ")).strip()
        else:
            for inline in _INLINE.finditer(line):
                yield number, inline.group(1).strip()


def _devcontainer(path: str, text: str) -> Iterator[Known]:
    bare = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda one: one.group(1) or "", text, flags=re.DOTALL)
    said = _object(re.sub(r",(\s*[}\]])", r"\1", bare))
    for name in _LIFECYCLE:
        given = said.get(name)
        many = list(given.values()) if isinstance(given, dict) else [given]
        for one in many:
            command = " ".join(map(str, one)) if isinstance(one, list) else one
            if isinstance(command, str) and command.strip():
                yield _shown(Aspect.SETUP, command.strip(), Source.DEVCONTAINER, path, text, f'"{name}"')


def _steps(path: str, text: str, source: Source, *, every: bool) -> Iterator[Known]:
    """Yield the commands that a workflow runs: all of them, or those that test."""
    jobs = table_of(text).get("jobs")
    for job in jobs.values() if isinstance(jobs, dict) else ():
        steps = job.get("steps") if isinstance(job, dict) else None
        for step in steps if isinstance(steps, list) else ():
            given = step.get("run") if isinstance(step, dict) else None
            for line in given.splitlines() if isinstance(given, str) else ():
                command = line.strip()
                if _TESTS.match(_WRAPPED.sub("", command)):
                    yield _shown(Aspect.TEST, command, source, path, text, command)
                elif every and command and not command.startswith("#"):
                    yield _shown(Aspect.SETUP, command, source, path, text, command)


def _versions(path: str, text: str) -> Iterator[Known]:
    if path.endswith(".toml"):
        tools = _toml(text).get("tools")
        for name, version in tools.items() if isinstance(tools, dict) else ():
            said = version.get("version") if isinstance(version, dict) else version
            said = said[0] if isinstance(said, list) and said else said
            yield _shown(Aspect.VERSION, f"{name} {said}", Source.TOOL_VERSIONS, path, text, str(name))
        return
    for line in text.splitlines()[:20]:
        bare = line.partition("#")[0].strip()
        if bare:
            named = (
                bare if path == ".tool-versions" else f"{path.strip('.').partition('-')[0].removesuffix('rc')} {bare}"
            )
            yield _shown(Aspect.VERSION, named, Source.TOOL_VERSIONS, path, text, line)


def _shown(aspect: Aspect, value: str, source: Source, path: str, text: str, at: str) -> Known:
    line = next((number for number, one in enumerate(text.splitlines(), 1) if at in one), None)
    return Known(aspect=aspect, value=value[:500], origin=Origin(source=source, path=path, line=line), followed=False)


def _text(read: Read, path: str) -> str:
    return (read(path) or b"")[:_BYTES_MAX].decode(errors="replace")


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
