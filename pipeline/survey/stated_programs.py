"""Programs that a repository's stated commands start and that are not there, told before an agent is told to run them.

Choice: the first word of each stated command is looked for in the sandbox, where it would run. What is not a plain name (a
path of the tree, a shell's own construct) is left alone: whether that works, only running it shows. A test command needs no
word here: where its program is missing, the suite says so itself.
"""

import asyncio
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.ports import Environment, Sandbox, SandboxCommand
from pipeline.proof.test_runs import FIXED_VARIABLES, SYSTEM_PATH
from pipeline.proof.untrusted_files import folder_inside
from pipeline.repositories.components import Aspect, Component, Known
from pipeline.repositories.ref_names import shown
from pipeline.survey.record import Remark, RemarkKind

_TIMEOUT_S = 20.0
_OUTPUT_MAX = 10_000
_ASKED_MAX = 20
_MARK = "absent: "
_NAME = re.compile(r"[A-Za-z0-9_][\w.+-]{0,60}")
_SETS = re.compile(r"[A-Za-z_]\w*=.*")
_COMMANDS = (Aspect.SETUP, Aspect.LINT, Aspect.FORMAT, Aspect.TYPECHECK)


async def absent_programs(of: Component, environment: Environment, tree: Path, sandbox: Sandbox) -> list[Remark]:
    """Look for the programs in a disposable tree."""
    asked: dict[str, Known] = {}
    for one in of.known:
        if one.followed and one.aspect in _COMMANDS and (name := program_of(one.value)) is not None:
            asked.setdefault(name, one)
    names = list(asked)[:_ASKED_MAX]
    if not names:
        return []
    absent = await _absent(names, of, environment, tree, sandbox)
    return [_remark(name, asked[name]) for name in names if name in absent]


def program_of(command: str) -> str | None:
    """Return the name of the program that a shell command starts first; None where that is no plain name."""
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        return None
    first = next((word for word in words if _SETS.fullmatch(word) is None), "")
    return first if _NAME.fullmatch(first) else None


async def _absent(
    names: Sequence[str], of: Component, environment: Environment, tree: Path, sandbox: Sandbox
) -> set[str]:
    path = ":".join([*map(str, environment.path_in(tree)), *SYSTEM_PATH])
    folder = await asyncio.to_thread(folder_inside, tree, of.root)
    asking = "\n".join(f"command -v -- {name} >/dev/null 2>&1 || echo {shlex.quote(_MARK + name)}" for name in names)
    answer = await sandbox.run(
        SandboxCommand(
            argv=("sh", "-c", asking), cwd=folder or tree, writable=(tree,), read_only=environment.read_only,
            mounts=environment.mounts_in(tree), scratch=environment.scratch_in(tree), tree_at=environment.tree_at,
            environment={**FIXED_VARIABLES, **environment.variables, "PATH": path}, timeout_s=_TIMEOUT_S,
            output_max_bytes=_OUTPUT_MAX,
        )
    )  # fmt: skip
    return {line.removeprefix(_MARK).strip() for line in answer.output.splitlines() if line.startswith(_MARK)}


def _remark(name: str, stated: Known) -> Remark:
    return Remark(
        kind=RemarkKind.TOOLS,
        message=f"`{name}` is not there, which the {stated.aspect.value} command `{shown(stated.value)}` ({stated.origin}) starts.",
        remedy=f"Install {name} where Changeline runs, declare it with the repository's test dependencies, or state another "
        "command in .changeline/repository.yaml.",
    )
