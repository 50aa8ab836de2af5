"""A tree that commands see at one fixed path, whichever tree it is.

Problem: what is installed from a tree names that tree's path for ever, and every change request, agent and test run has a
tree of its own. Choice: a command may ask for its tree to stand at a path that is the same for all; it starts there, and
its arguments and variables name that path instead of the tree's own, which stays visible too. Invariant: owners, disk and
hidden places are judged by the tree's own path; nothing of this process looks at the fixed one.
"""

import re
from dataclasses import replace
from pathlib import Path

from pipeline.errors import InvariantBroken
from pipeline.ports import SandboxCommand


def tree_of(command: SandboxCommand) -> Path | None:
    """Return the tree that has to stand at the fixed path; None when the command asks for none."""
    if command.tree_at is None:
        return None
    for tree in (*command.writable, *command.read_only):
        if command.cwd == tree or tree in command.cwd.parents:
            return tree
    raise InvariantBroken("A fixed path is for the tree that the command starts in.", cwd=str(command.cwd))


def told(command: SandboxCommand, tree: Path | None) -> SandboxCommand:
    """Return the command as its process sees it: with the fixed path wherever it named the tree."""
    if tree is None:
        return command
    named, fixed = re.compile(re.escape(str(tree)) + r"(?![\w.+-])"), str(command.tree_at)

    def moved(text: str) -> str:
        return named.sub(lambda _: fixed, text)

    inner = {Path(moved(str(place))): source for place, source in command.mounts.items()}
    return replace(
        command,
        argv=tuple(map(moved, command.argv)),
        cwd=Path(moved(str(command.cwd))),
        environment={name: moved(value) for name, value in command.environment.items()},
        mounts={**command.mounts, **inner},
    )
