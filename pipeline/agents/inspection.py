"""What an agent looked at, computed from its journal alone.

Problem: an agent that could see nothing, or did not care to, hands in a verdict that reads like any other. Choice: each
tool call is judged by what came back, as it was recorded, so that a live loop, a resumed one and a replay agree.
Invariant: a call counts as seen only when it ended well and showed something of the tree, which no echo of the agent's
own words does.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from pydantic import BaseModel

from pipeline.agents.command_policy import simple_commands
from pipeline.agents.tool_use import ToolResult, ToolUse, results_by_call
from pipeline.agents.tools import BASH, EDITOR
from pipeline.ports import Json

_DENIED = re.compile(r": Permission denied\.?$|^PermissionError: \[Errno 13\]")
_OF_THE_SANDBOX = re.compile(r"(?:setpriv|prlimit|/usr/bin/env|bwrap): ")
_NOT_STARTED = frozenset({126, 127})
_EXIT_CODE = re.compile(r"\[exit code (\d+)\]")
_SAYS = frozenset(
    {"cd", "date", "echo", "exit", "false", "hostname", "id", "printf", "pwd", "set", "test", "true", "[", ":"}
)
"""Commands that show nothing of a tree."""
_NAMES_ONLY = frozenset(
    {"basename", "dirname", "du", "file", "find", "ls", "readlink", "realpath", "stat", "tree", "wc"}
)
"""Commands that show that a file is there, not what it says."""
_FILTERS = frozenset({"awk", "egrep", "fgrep", "grep", "rg", "sed"})
_SEARCHES = frozenset({"cmp", "diff", "egrep", "fgrep", "grep", "rg"})
_HERE = re.compile(r"""["']?\$(?:\(pwd\)|PWD|\{PWD\})["']?/""")
_PATTERN = re.compile(r"[*?\[]")
_WORDS_MAX = 4_000
"""So many words of commands are held against the paths; each of them is compared with each path."""


class Outcome(StrEnum):
    """What a tool call came to, for whoever wants to know what an agent saw."""

    SEEN = "seen"
    EMPTY = "empty"
    """It ended well and showed nothing."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One tool call."""

    tool: str
    asked: str
    """The path of a view; the command of a shell."""
    outcome: Outcome
    denied: str = ""
    """The line by which the machine kept it from seeing: a closed file, a command that the sandbox could not start."""
    wrote: bool = False
    """Whether the editor wrote the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """All tool calls of a conversation so far, in order."""

    looks: tuple[Look, ...] = ()

    def after(self, uses: Sequence[ToolUse], results: Sequence[Json]) -> "Inspection":
        """Return it with the calls of one more turn, as far as they have results; a submission is no look."""
        told = results_by_call(results)
        more = [_look(use, told[use.id]) for use in uses if use.name in {BASH, EDITOR} and use.id in told]
        return Inspection(looks=(*self.looks, *more)) if more else self

    @property
    def calls(self) -> int:
        """How many tool calls there were."""
        return len(self.looks)

    @property
    def commands(self) -> int:
        """How many of them ran a command."""
        return sum(look.tool == BASH for look in self.looks)

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(look.outcome is Outcome.FAILED for look in self.looks)

    @property
    def denied(self) -> str:
        """The newest line by which the machine kept the agent from seeing; empty when none did."""
        return next((look.denied for look in reversed(self.looks) if look.denied), "")

    @property
    def saw(self) -> bool:
        """Whether any call showed something of the tree."""
        return any(look.outcome is Outcome.SEEN and _shows_the_tree(look) for look in self.looks)

    def edited(self, root: str) -> frozenset[str]:
        """Return the files, relative to `root`, that the editor wrote."""
        named = (_relative(look.asked, root) for look in self.looks if look.wrote)
        return frozenset(path for path in named if not path.startswith(("/", "../")))

    def opened(self, paths: Iterable[str], root: str) -> tuple[str, ...]:
        """Return which of `paths`, relative to `root`, were opened: viewed, or read by a command that names them."""
        seen = [look for look in self.looks if look.outcome is Outcome.SEEN]
        viewed = [_relative(look.asked, root) for look in seen if look.tool == EDITOR]
        every = (one for look in seen if look.tool == BASH for one in _words_of_readers(look.asked, root))
        words = list(islice(every, _WORDS_MAX))
        moved = [path for path in viewed if path.startswith("/")]
        return tuple(
            path
            for path in paths
            if path in viewed or _ends_one(path, moved) or any(word.names(path) for word in words)
        )


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a command that reads files."""

    text: str
    elsewhere: bool
    """Whether the command may read in a directory below."""
    pattern: bool

    def names(self, path: str) -> bool:
        """Whether it means the path: as it is, inside a piece of code, as a pattern, or as its end in another directory."""
        if path in self.text and re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w/-])", self.text):
            return True
        if self.text.startswith("/"):
            return _ends_one(path, [self.text])
        if self.elsewhere:
            inside = f"/{path}"
            return fnmatchcase(inside, f"*/{self.text}") if self.pattern else inside.endswith(f"/{self.text}")
        return self.pattern and self.text.count("/") == path.count("/") and fnmatchcase(path, self.text)


def _words_of_readers(command: str, root: str) -> Iterator[_Word]:
    passed_on = "-exec" in command or "xargs" in command
    elsewhere = passed_on or re.search(r"\b(?:cd|pushd)\s", command) is not None
    for name, *words in _named_commands(_HERE.sub("", command)):
        if name not in _SAYS and (name not in _NAMES_ONLY or (name == "find" and passed_on)):
            for word in _without_expression(name, words):
                text = re.sub(r"(?<![\w./])\./", "", word.replace(f"{root.rstrip('/')}/", ""))
                yield _Word(text, elsewhere, _PATTERN.search(text) is not None)


def _without_expression(name: str, words: list[str]) -> list[str]:
    """Leave out what a filter looks for or does, which may look like a pattern of file names."""
    first = next((place for place, word in enumerate(words) if not word.startswith("-")), len(words))
    return [*words[:first], *words[first + 1 :]] if name in _FILTERS else words


def _named_commands(command: str) -> Iterator[list[str]]:
    for path, *words in simple_commands(command):
        yield [posixpath.basename(path), *words]


def _shows_the_tree(look: Look) -> bool:
    return look.tool == EDITOR or any(words[0] not in _SAYS for words in _named_commands(look.asked))


def _relative(path: str, root: str) -> str:
    """Return a viewed path below the root; one in a tree of another epoch, whose root nobody knows, as it is."""
    normal = posixpath.normpath(posixpath.join(root, path))
    return posixpath.relpath(normal, root) if normal.startswith(f"{root.rstrip('/')}/") else normal


def _ends_one(path: str, absolute: Iterable[str]) -> bool:
    return any(one.endswith(f"/{path}") for one in absolute)


class _Given(BaseModel):
    path: Any = ""
    command: Any = ""


def _look(use: ToolUse, result: ToolResult) -> Look:
    given = _Given.model_validate(use.input if isinstance(use.input, dict) else {})
    text, refused = result.content, result.is_error
    if use.name == EDITOR:
        outcome = Outcome.FAILED if refused else Outcome.SEEN
        denied = text if refused and _DENIED.search(text) else ""
        wrote = not refused and given.command != "view"
        return Look(tool=EDITOR, asked=str(given.path), outcome=outcome, denied=denied, wrote=wrote)
    asked = str(given.command)
    if refused:
        return Look(tool=BASH, asked=asked, outcome=Outcome.FAILED)
    return _command(asked, *_parted(use.id, text))


def _parted(call_id: str, text: str) -> tuple[str, int]:
    """Return what a command printed and its exit code; what stands behind the frame's end is the pipeline's own word."""
    body, _, ending = text.rpartition(f'</output of="{call_id}">')
    code = _EXIT_CODE.search(ending)
    return body.partition("\n")[2], int(code[1]) if code else 0


def _command(asked: str, printed: str, code: int) -> Look:
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    refusals = [line for line in lines if _DENIED.search(line)]
    if code in _NOT_STARTED and lines and _OF_THE_SANDBOX.match(lines[0]):
        refusals = lines[:1]
    if code == 1 and not lines and _looks_for_something(asked):
        code = 0
    shown = set(lines) - set(refusals) - _echoes(asked)
    outcome = Outcome.FAILED if code or (refusals and not shown) else Outcome.SEEN if shown else Outcome.EMPTY
    return Look(tool=BASH, asked=asked, outcome=outcome, denied=refusals[-1][:300] if refusals else "")


def _looks_for_something(command: str) -> bool:
    """Whether it ends with a program whose exit code 1 says that there is no such thing; trouble has another code."""
    names = [name for name, *_ in _named_commands(command)]
    return bool(names) and names[-1] in _SEARCHES


def _echoes(command: str) -> set[str]:
    """Return the lines that a command prints of its own words."""
    return {" ".join(words).strip() for name, *words in _named_commands(command) if name in {"echo", "printf"}}
