"""`.changeline/repository.yaml`: what a repository says about itself.

Problem: files tell much of how a repository is tested, and not all; what people know has to be said once, beside the code,
and nobody who is asked for a change may say it. Choice: one small file with a published schema, read from the base branch
only and protected from agents; what it does not say is found by the files. Invariants: a file that says something which
does not exist here, or that cannot be done, is refused with its line before anything is paid for; nothing in it is run
outside of the sandbox; folders in it never lead out of the repository.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, NoReturn

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.errors import CallerError, misfits
from pipeline.ports import Language
from pipeline.proof.secret_shapes import placeholder, redacted
from pipeline.repositories import untrusted_yaml
from pipeline.repositories.components import Component

REPOSITORY_FILE = ".changeline/repository.yaml"
_PAGE = "docs/repository-configuration.md"
_HEAD = f"""\
# What Changeline should know of this repository; read from the base branch only.
# What you delete here is found by the files again. {_PAGE} explains each line.
"""
_OURS = frozenset({"PATH", "HOME", "TMPDIR", "LANG", "PYTHONPATH", "VIRTUAL_ENV"})
_SECRET_NAME = re.compile(r"(?i)(?:^|_)(?:secret|password|passwd|token|api_?key|private_?key|credentials?)(?:$|_)")
_SECRET_MIN_CHARS = 16
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FOLDER = re.compile(r"[^\\\x00-\x1f\x7f:]{1,500}")

Runner = Literal[
    "pytest", "unittest", "node_test", "jest", "vitest", "mocha", "ava", "bun_test", "npm_script", "go_test", "cargo_test",
    "maven", "gradle", "command",
]  # fmt: skip
ShellCommand = Annotated[str, Field(min_length=1, max_length=2_000)]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Commands(_Said):
    """Shell commands, run in the component's folder."""

    test: ShellCommand | None = None
    """Runs the whole suite. A command that names a known runner (pytest, `go test`, jest …) tells single tests."""
    lint: ShellCommand | None = None
    """Told to agents."""
    format: ShellCommand | None = None
    """Told to agents."""
    typecheck: ShellCommand | None = None
    """Told to agents."""


class ComponentEntry(_Said):
    """One component."""

    root: str
    """Its folder, relative to the root of the repository; `.` is the root."""
    language: Language | None = None
    """Found by the files where it is not said."""
    runner: Runner | None = None
    """How the results of the test command are read; found by the command where it is not said."""
    commands: Commands = Commands()
    setup: tuple[ShellCommand, ...] = Field((), max_length=20)
    """Shell commands that run before the tests in each clean checkout, without network, such as a code generator."""
    environment: dict[str, str] = Field(default_factory=dict, max_length=100)
    """Variables of tests and agents' commands; values are taken as they stand, and secrets are refused."""
    depends_on: tuple[str, ...] = ()
    """Roots of components whose code this one uses, beside those that its manifests name."""

    @field_validator("root", "depends_on")
    @classmethod
    def _folders(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        """Take folders of the repository only."""
        return _folder(value) if isinstance(value, str) else tuple(map(_folder, value))

    @field_validator("environment")
    @classmethod
    def _variables(cls, value: dict[str, str]) -> dict[str, str]:
        """Take plain variables only."""
        return _plain_variables(value)


class RepositoryFile(_Said):
    """The whole file. What concerns one component may be said at the top where the repository is in one piece."""

    components: tuple[ComponentEntry, ...] = Field((), max_length=100)
    """All components that count, if any is listed; none listed means that they are found by the files."""
    commands: Commands = Commands()
    """Of a repository in one piece."""
    runner: Runner | None = None
    """Of a repository in one piece."""
    setup: tuple[ShellCommand, ...] = Field((), max_length=20)
    """Before the setup of every component."""
    environment: dict[str, str] = Field(default_factory=dict, max_length=100)
    """Variables of every component."""
    protected: tuple[Annotated[str, Field(min_length=1, max_length=500)], ...] = Field((), max_length=200)
    """Paths and globs that agents may not change; one that ends with `/` is a folder with all in it."""
    services: tuple[Any, ...] = ()
    """Databases and the like. Changeline cannot provide any, so a file that lists one is refused."""

    @field_validator("environment")
    @classmethod
    def _variables(cls, value: dict[str, str]) -> dict[str, str]:
        """Take plain variables only."""
        return _plain_variables(value)

    @field_validator("services")
    @classmethod
    def _none_to_provide(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        """Refuse what would be ignored otherwise."""
        if value:
            raise ValueError(
                "services cannot be provided: tests run without network and with nothing beside them; "
                "state a test command that needs none, or start what it needs within it"
            )
        return value

    @model_validator(mode="after")
    def _one_place_for_each_word(self) -> "RepositoryFile":
        """Refuse two components in one folder, and commands at the top beside a list of components."""
        roots = [one.root for one in self.components]
        twice = sorted({root for root in roots if roots.count(root) > 1})
        if twice:
            raise ValueError(f"two components have the root {twice[0]}; each needs a folder of its own")
        if roots and (self.commands != Commands() or self.runner is not None):
            raise ValueError("commands and runner belong to the components, where these are listed")
        strange = [root for one in self.components for root in one.depends_on if root not in roots]
        if strange:
            raise ValueError(f"depends_on names {strange[0]}, which is the root of no listed component")
        return self


class SaidFile(BaseModel):
    """The file as it was read, with the lines of what it says."""

    model_config = ConfigDict(frozen=True)

    content: RepositoryFile
    lines: Mapping[str, int]
    """By place, such as `components.0.commands.test`."""

    def line(self, *place: object) -> int | None:
        """Return the line of a place, else of the nearest one around it."""
        parts = [str(part) for part in place]
        names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((self.lines[name] for name in names if name in self.lines), None)


def read_repository_file(data: bytes | None) -> SaidFile | None:
    """Read the file; None when there is none. Raises `CallerError` that names line, field and remedy."""
    if data is None:
        return None
    try:
        text = data.decode()
        node = untrusted_yaml.composed(text)
    except UnicodeDecodeError:
        _refuse("it is no UTF-8 text", None, "")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _refuse(str(error.problem or "it is no YAML"), mark.line + 1 if mark else None, "")
    except untrusted_yaml.GoesTooFar as far:
        _refuse(str(far), far.line or None, "")
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        _refuse(f"it is no YAML: {error}", None, "")
    places = dict(_places(node, ())) if node is not None else {}
    try:
        content = RepositoryFile.model_validate({} if node is None else _value(node))
    except ValidationError as error:
        first = misfits(error.errors())[0]
        place = [str(part) for part in first.loc]
        names = (".".join(place[:length]) for length in range(len(place), 0, -1))
        line = next((places[name] for name in names if name in places), 1)
        _refuse(first.msg.removeprefix("Value error, "), line, ".".join(place))
    return SaidFile(content=content, lines=places)


def _refuse(problem: str, line: int | None, place: str) -> NoReturn:
    where = REPOSITORY_FILE if line is None else f"{REPOSITORY_FILE}:{line}"
    named = f"{place}: " if place else ""
    raise CallerError(
        f"{where}: {named}{problem}.", field=REPOSITORY_FILE,
        remedy=f"Correct the file on the base branch; {_PAGE} lists what it may say.", line=line or 0, place=place,
    )  # fmt: skip


def _value(node: yaml.Node) -> Any:
    """Return what a node holds; a key that is there twice is refused, because one of both would be ignored."""
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            if name in found:
                _refuse(f"{name} is there twice", key.start_mark.line + 1, name)
            found[name] = _value(value)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(one) for one in node.value]
    return None if node.tag == "tag:yaml.org,2002:null" else node.value


def _places(node: yaml.Node, above: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    inner: list[tuple[str, yaml.Node, int]] = []
    if isinstance(node, yaml.MappingNode):
        inner = [(str(key.value), value, key.start_mark.line + 1) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        inner = [(str(number), value, value.start_mark.line + 1) for number, value in enumerate(node.value)]
    for name, value, line in inner:
        yield ".".join((*above, name)), line
        yield from _places(value, (*above, name))


def _folder(value: str) -> str:
    pure = PurePosixPath(value)
    leaves = pure.is_absolute() or any(part == ".." or part.lower() == ".git" for part in pure.parts)
    if leaves or _FOLDER.fullmatch(value) is None:
        raise ValueError(
            f"{value!r} is no folder of the repository: write it relative to the root, such as services/api"
        )
    return str(pure)


def _plain_variables(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if _VARIABLE.fullmatch(name) is None:
            raise ValueError(f"{name!r} is no name of a variable")
        if name in _OURS:
            raise ValueError(f"{name} is set by Changeline")
        if "\0" in text:
            raise ValueError(f"the value of {name} holds a NUL")
        named = _SECRET_NAME.search(name) is not None and len(text) >= _SECRET_MIN_CHARS and not placeholder(text)
        if named or redacted(text) != text:
            raise ValueError(f"{name} looks like a secret, and no secret belongs into a repository")
    return value


def starting_file(components: Sequence[Component]) -> str:
    """Return a first `.changeline/repository.yaml` that states what was found, to be corrected by a person."""
    listed = [_entry(one) for one in components]
    return _HEAD + yaml.safe_dump({"components": listed}, sort_keys=False, allow_unicode=True, width=120)


def _entry(component: Component) -> dict[str, Any]:
    stack = component.stack
    entry: dict[str, Any] = {"root": component.root, "language": stack.language.value}
    entry["runner"] = stack.runner
    entry["commands"] = {"test": stack.test_command}
    if stack.setup:
        entry["setup"] = list(stack.setup)
    if component.depends_on:
        entry["depends_on"] = list(component.depends_on)
    return entry
