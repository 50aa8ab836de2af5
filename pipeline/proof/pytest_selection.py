"""Which tests pytest's own settings let run, and how a test has to be called and marked to be one of them.

Problem: `-m`, `-k` and the names of functions, classes and files in a configuration leave tests out, also one that the
pipeline plants; a planted test that never runs guards nothing. Choice: read the settings where pytest reads them, evaluate
its expressions, and look for the fewest marks and words with which one more test is selected. Pure but for reading the tree.
"""

import configparser
import re
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.proof.test_commands import PYTEST_CONFIGURATION
from pipeline.proof.toml_text import parsed_toml, table_of
from pipeline.proof.untrusted_files import holds_file, read_source

NAMES_MAX = 12
"""Names of one expression that are tried in all combinations."""
FORMS_MAX = 1_000
_TOKEN = re.compile(r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<name>(?:\w|[:+\-.\[\]\\/])+)(?P<call>\([^()]*\))?)")
_ONE_MARK = re.compile(r"[A-Za-z_]\w*(?:\([\w\s=,.'\"-]*\))?")
_TAKES_VALUE = "pocWnrk"
_ORDER = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
_ALWAYS = frozenset({"pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"})
_STOPPING = frozenset({"--sw", "--stepwise", "--sw-skip", "--stepwise-skip", "--sw-reset", "--stepwise-reset"})
_OVERRIDES = ("-o", "--override-ini")


class Unselectable(Exception):
    """No test could be found that these settings select; the text says why, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a configuration selects by."""

    marks: str = ""
    keywords: str = ""
    functions: tuple[str, ...] = ("test",)
    files: tuple[str, ...] = ("test_*.py", "*_test.py")
    stops: bool = False
    """Whether a run ends with its first failure, and its command says so in a way that is not overruled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a test may need to be selected: marks as they are written, and words in its name."""

    marks: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def selection_of(tree: Path, start: str, variables: Mapping[str, str]) -> Selection:
    """Return what pytest selects by when it is asked for files below the folder `start` of a tree, `.` for all of it."""
    options = _options(tree, start)
    found = Selection(
        functions=_words(options.get("python_functions"), Selection().functions),
        files=_words(options.get("python_files"), Selection().files),
    )
    added = options.get("addopts", "")
    arguments = [str(one) for one in added] if isinstance(added, list) else _split(str(added))
    return _with_arguments(found, [*arguments, *_split(variables.get("PYTEST_ADDOPTS", ""))])


def forms_for(selection: Selection) -> Iterator[Form]:
    """Yield what may be enough to be selected, the fewest marks and words first; `selects` says of each whether it is.

    Raises `Unselectable` for what cannot be read.
    """
    marks, keywords = _parsed("-m", selection.marks), _parsed("-k", selection.keywords)
    wanted = list(islice(_subsets(keywords), FORMS_MAX))
    # Words may also stand in what a test is called anyway.
    wanted += [words for words in islice(_all_subsets(keywords.names), FORMS_MAX) if words not in wanted]
    for own in islice(_subsets(marks), FORMS_MAX):
        if all(_ONE_MARK.fullmatch(one) for one in own):
            yield from (
                Form(marks=own, words=words) for words in wanted if all(re.fullmatch(r"\w+", one) for one in words)
            )


def selects(selection: Selection, form: Form, names: Collection[str]) -> bool:
    """Whether a test with the form's marks, and these names of itself and of what it stands in, is selected."""
    marks, keywords = _parsed("-m", selection.marks), _parsed("-k", selection.keywords)
    own = [one.partition("(")[0] for one in form.marks]
    seen = [one.lower() for one in (*names, *own)]
    return marks.holds(lambda name: name in form.marks or name in own) and keywords.holds(
        lambda name: any(name.lower() in one for one in seen)
    )


def function_name(selection: Selection, form: Form, token: str) -> str:
    """Return a name of a function that is collected, with the token and the form's words in it; empty where none could be."""
    inner = "_".join([token, *form.words])
    for pattern in selection.functions:
        starred = re.sub(r"\[[^\]]*\]|\?", "x", pattern)
        name = starred.replace("*", inner, 1).replace("*", "") if "*" in pattern else f"{starred.rstrip('_')}_{inner}"
        if name.isidentifier() and inner in name:
            return name
    return ""


def file_name(selection: Selection, beside: str, token: str) -> str:
    """Return a name for a file that is collected where this one is; empty where the settings name files one by one."""
    own = PurePosixPath(beside)
    for pattern in selection.files:
        last = pattern.rpartition("/")[2]
        name = last.replace("*", token, 1).replace("*", "").replace("?", "x") if "[" not in last else ""
        if token in name and name.endswith(own.suffix) and own.with_name(name).match(pattern):
            return name
    return ""


# expressions


@dataclass(frozen=True, slots=True)
class _Expression:
    """A parsed expression: the names in it, and whether it holds when `is_true` says so of each."""

    names: tuple[str, ...]
    holds: Callable[[Callable[[str], bool]], bool]


def _subsets(expression: _Expression) -> Iterator[tuple[str, ...]]:
    """Yield the sets of names with which an expression holds, the smallest first."""
    return (chosen for chosen in _all_subsets(expression.names) if expression.holds(chosen.__contains__))


def _all_subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return (chosen for size in range(len(names) + 1) for chosen in combinations(names, size))


def _parsed(option: str, text: str) -> _Expression:
    """Parse what pytest takes for marks and keywords: names, `and`, `or`, `not`, parentheses, marks with arguments."""
    if not text.strip():
        return _Expression((), lambda _is_true: True)
    try:
        tokens = list(_tokens(text))
        names = tuple(dict.fromkeys(token for token in tokens if token not in {"(", ")", "and", "or", "not"}))
        if len(names) > NAMES_MAX:
            raise Unselectable(f"{option} names more than can be tried ('{text[:200]}')")
        holds = _Reader(tokens).whole()
    except (ValueError, IndexError, RecursionError) as error:
        raise Unselectable(f"{option} '{text[:200]}' cannot be read") from error
    return _Expression(names, holds)


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(text)
        at = found.end()
        name = found["name"]
        if name in {"and", "or", "not"} and found["call"]:
            at = found.end("name")
            yield name
        else:
            yield found["open"] or found["close"] or name + (found["call"] or "")


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens

    def whole(self) -> Callable[[Callable[[str], bool]], bool]:
        found = self.either()
        if self.rest:
            raise ValueError(self.rest)
        return found

    def either(self) -> Callable[[Callable[[str], bool]], bool]:
        parts = [self.both()]
        while self.rest[:1] == ["or"]:
            self.rest = self.rest[1:]
            parts.append(self.both())
        return lambda is_true: any(part(is_true) for part in parts)

    def both(self) -> Callable[[Callable[[str], bool]], bool]:
        parts = [self.one()]
        while self.rest[:1] == ["and"]:
            self.rest = self.rest[1:]
            parts.append(self.one())
        return lambda is_true: all(part(is_true) for part in parts)

    def one(self) -> Callable[[Callable[[str], bool]], bool]:
        token, self.rest = self.rest[0], self.rest[1:]
        if token == "not":  # noqa: S105 - a word of an expression
            inner = self.one()
            return lambda is_true: not inner(is_true)
        if token == "(":  # noqa: S105 - as above
            inner = self.either()
            closing, self.rest = self.rest[0], self.rest[1:]
            if closing != ")":
                raise ValueError(closing)
            return inner
        if token in {")", "and", "or"}:
            raise ValueError(token)
        return lambda is_true: is_true(token)


# settings


def _options(tree: Path, start: str) -> Mapping[str, Any]:
    """Return the options of the file that pytest takes: the first in the nearest folder at or above the start."""
    folder = PurePosixPath(start)
    for place in (folder, *folder.parents):
        for name in sorted(PYTEST_CONFIGURATION, key=_ORDER.index):
            there = holds_file(tree, str(place / name))
            options = _of_file(name, read_source(tree, str(place / name))) if there else None
            if options is not None:
                return options
    return {}


def _of_file(name: str, text: str) -> Mapping[str, Any] | None:
    if name.endswith(".toml"):
        document = parsed_toml(text)
        tool = (
            table_of(table_of(document, "tool"), "pytest") if name == "pyproject.toml" else table_of(document, "pytest")
        )
        said = {**tool, **table_of(tool, "ini_options")}
        return said if said or name in _ALWAYS else None
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {} if name in _ALWAYS else None
    section = "tool:pytest" if name == "setup.cfg" else "pytest"
    if parser.has_section(section):
        return {key: value or "" for key, value in parser.items(section)}
    return {} if name in _ALWAYS else None


def _with_arguments(found: Selection, arguments: Sequence[str]) -> Selection:
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        option, equals, value = argument.partition("=")
        if option in _OVERRIDES:
            found = _overridden(found, value if equals else rest.pop(0) if rest else "")
        elif option in _STOPPING:
            found = replace(found, stops=True)
        elif argument.startswith("-") and not argument.startswith("--"):
            found = _with_flags(found, argument[1:], rest)
    return found


def _with_flags(found: Selection, flags: str, rest: list[str]) -> Selection:
    """Read one word of short options, as `-qm 'not slow'`; the value of the last may be the next word."""
    for at, flag in enumerate(flags):
        if flag == "m" or flag in _TAKES_VALUE:
            value = flags[at + 1 :] or (rest.pop(0) if rest else "")
            if flag == "m":
                return replace(found, marks=value.removeprefix("="))
            if flag == "k":
                return replace(found, keywords=value.removeprefix("="))
            return _overridden(found, value) if flag == "o" else found
    return found


def _overridden(found: Selection, said: str) -> Selection:
    name, _, value = said.partition("=")
    match name.strip():
        case "python_functions":
            return replace(found, functions=tuple(_split(value)))
        case "python_files":
            return replace(found, files=tuple(_split(value)))
        case _:
            return found


def _words(value: object, usual: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(one) for one in value)
    return tuple(_split(value)) if isinstance(value, str) else usual


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def common_folder(paths: Collection[str]) -> str:
    """Return the innermost folder that holds all of these files."""
    parents = [PurePosixPath(path).parent for path in paths]
    shared = [
        place for place in (parents[0], *parents[0].parents) if all(place in (one, *one.parents) for one in parents)
    ]
    return str(shared[0]) if shared else "."
