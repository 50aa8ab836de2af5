"""Which programs an environment has, and their versions, as they say themselves.

Choice: they are asked in the sandbox, in a tree that is thrown away, because a runner is a file of the repository's own
choosing. What does not answer within seconds, or answers no number, is left out: a version is a help, never a condition.
"""

import asyncio
import re
import shlex
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pipeline.ports import Environment, Language, Sandbox, SandboxCommand, Stack
from pipeline.proof.test_runs import FIXED_VARIABLES, SYSTEM_PATH
from pipeline.proof.untrusted_files import folder_inside
from pipeline.survey.record import ToolVersion

_TIMEOUT_S = 20.0
_OUTPUT_MAX = 20_000
_MARK = "== "
_NUMBER = re.compile(r"\d+(?:\.\d+)+[\w.+-]{0,30}")
_TOOLS = {
    Language.PYTHON: {"python": "python --version"},
    Language.NODE: {"node": "node --version"},
    Language.GO: {"go": "go version"},
    Language.RUST: {"rustc": "rustc --version", "cargo": "cargo --version"},
    Language.JAVA: {"java": "java -version"},
    Language.C: {"cc": "cc --version"},
}
_RUNNERS = {
    "pytest": "python -m pytest --version",
    "jest": "jest --version",
    "vitest": "vitest --version",
    "mocha": "mocha --version",
    "ava": "ava --version",
    "maven": "mvn --version",
}
_MANAGERS = {"npm": "npm --version", "pnpm": "pnpm --version", "yarn": "yarn --version", "bun": "bun --version"}
_LOCKS = {
    Language.PYTHON: (("uv.lock", "uv"), ("poetry.lock", "poetry"), ("pdm.lock", "pdm"), ("Pipfile", "pipenv")),
    Language.NODE: (
        ("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun"), ("bun.lockb", "bun"), ("package.json", "npm"),
    ),
    Language.GO: (("go.mod", "go"), ("go.work", "go")),
    Language.RUST: (("Cargo.toml", "cargo"),),
    Language.JAVA: (("pom.xml", "maven"), ("build.gradle", "gradle"), ("build.gradle.kts", "gradle")),
}  # fmt: skip


def package_manager_of(stack: Stack) -> str:
    """Return whose lock file or manifest decides; empty for none, `pip` for Python without a lock."""
    names = {PurePosixPath(path).name for path in stack.manifests}
    found = next((manager for name, manager in _LOCKS.get(stack.language, ()) if name in names), "")
    return found or ("pip" if stack.language is Language.PYTHON and names else "")


async def versions_of(
    stack: Stack, environment: Environment, tree: Path, sandbox: Sandbox, manager: str
) -> tuple[ToolVersion, ...]:
    """Ask the programs of an environment in a disposable tree."""
    asked = dict(_TOOLS.get(stack.language, {}))
    if stack.runner in _RUNNERS:
        asked[stack.runner] = _RUNNERS[stack.runner]
    if manager in _MANAGERS:
        asked[manager] = _MANAGERS[manager]
    path = ":".join([*map(str, environment.path_in(tree)), *SYSTEM_PATH])
    folder = await asyncio.to_thread(folder_inside, tree, stack.root)
    answer = await sandbox.run(
        SandboxCommand(
            argv=("sh", "-c", _script(tuple(asked.items()))), cwd=folder or tree, writable=(tree,), read_only=environment.read_only,
            mounts=environment.mounts_in(tree), scratch=environment.scratch_in(tree), tree_at=environment.tree_at,
            environment={**FIXED_VARIABLES, **environment.variables, "PATH": path}, timeout_s=_TIMEOUT_S,
            output_max_bytes=_OUTPUT_MAX,
        )
    )  # fmt: skip
    return tuple(_read(answer.output, tuple(asked)))


def _script(asked: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"echo {shlex.quote(f'{_MARK}{name}')}; {command} 2>&1 | head -n 3" for name, command in asked)


def _read(output: str, names: Sequence[str]) -> list[ToolVersion]:
    found = []
    for part in output.split(_MARK)[1:]:
        name, _, told = part.partition("\n")
        number = _NUMBER.search(told)
        if name in names and number is not None:
            found.append(ToolVersion(name=name, version=number.group()))
    return found
