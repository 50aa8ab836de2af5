"""Stands in for the test library: what tests ask of it while they run, and nothing that knows of a runner.

Runs in the target environment: standard library alone, syntax of Python 3.8. What is not here fails as a missing attribute, in
the disclosed form as in the neutral one, and then the witness says that it was not possible. Every name is another in each run.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import logging
import math
import os
import re
import sys
import tempfile
import types
import warnings
from pathlib import Path
from typing import Any

ABSENT = object()


class Unsupported(Exception):
    """What a test needs and this cannot give; the message says what."""


class Skipped(Exception):
    """A test that leaves itself out."""


class Caught:
    """The exception that a block raised."""

    type: Any = None
    value: Any = None
    tb: Any = None

    @property
    def typename(self) -> str:
        return str(self.type.__name__)

    @property
    def traceback(self) -> Any:
        raise Unsupported("it reads a traceback")

    def match(self, pattern: Any) -> bool:
        assert re.search(pattern, str(self.value)), "%r does not match %r" % (pattern, str(self.value))
        return True

    def exconly(self, tryshort: bool = False) -> str:
        return "%s: %s" % (self.typename, self.value)


class Raising:
    """A block that has to raise."""

    def __init__(self, expected: Any, match: Any = None) -> None:
        self.expected = expected
        self.pattern = match
        self.caught = Caught()

    def __enter__(self) -> Caught:
        return self.caught

    def __exit__(self, kind: Any, value: Any, trace: Any) -> bool:
        if kind is None:
            raise AssertionError("DID NOT RAISE %r" % (self.expected,))
        if not issubclass(kind, self.expected):
            return False
        self.caught.type, self.caught.value, self.caught.tb = kind, value, trace
        if self.pattern is not None:
            self.caught.match(self.pattern)
        return True


def block_that_raises(expected: Any, *rest: Any, **named: Any) -> Any:
    if not rest:
        return Raising(expected, **named)
    block = Raising(expected)
    with block:
        rest[0](*rest[1:], **named)
    return block.caught


class Warned(list):  # type: ignore[type-arg]  # Python 3.8 has no list[…]
    """The warnings of a block."""

    def pop(self, kind: Any = Warning) -> Any:
        return list.pop(self, next(at for at, one in enumerate(self) if issubclass(one.category, kind)))


@contextlib.contextmanager
def block_that_warns(expected: Any = Warning, match: Any = None) -> Any:
    seen = Warned()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield seen
        list.extend(seen, told)
    fitting = [one for one in seen if issubclass(one.category, expected)]
    assert any(match is None or re.search(match, str(one.message)) for one in fitting), "no such warning"


class Nearly:
    """A value that others may miss by a little."""

    def __init__(self, expected: Any, rel: Any = None, abs: Any = None, nan_ok: bool = False) -> None:
        self.expected, self.rel, self.abs, self.nan_ok = expected, rel, abs, nan_ok

    def __repr__(self) -> str:
        return "about %r" % (self.expected,)

    def __eq__(self, other: Any) -> bool:
        return self.holds(self.expected, other)

    __hash__ = None  # type: ignore[assignment]  # as Python has it where only equality is defined

    def holds(self, expected: Any, other: Any) -> bool:
        if isinstance(expected, dict):
            return set(expected) == set(other) and all(self.holds(one, other[key]) for key, one in expected.items())
        if isinstance(expected, (list, tuple)):
            return len(expected) == len(other) and all(map(self.holds, expected, other))
        if expected == other:
            return True
        if isinstance(expected, (bool, str, bytes, type(None))) or isinstance(other, (str, bytes, type(None))):
            return False
        try:
            if math.isnan(abs(expected)):
                return self.nan_ok and math.isnan(abs(other))
            if math.isinf(abs(expected)):
                return False
        except TypeError:
            raise Unsupported("it compares numbers of another library") from None
        least = 1e-12 if self.abs is None else self.abs
        share = self.rel if self.rel is not None else (1e-6 if self.abs is None else 0)
        return bool(abs(expected - other) <= max(least, share * abs(expected)))


class Mark:
    """A mark with its arguments; as a decorator it is kept with what it marks."""

    def __init__(self, name: str, args: Any = (), kwargs: Any = None) -> None:
        self.name, self.args, self.kwargs = name, args, kwargs or {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and (inspect.isfunction(args[0]) or inspect.isclass(args[0])):
            marked: Any = args[0]
            marked.marks_kept = (self, *marked.__dict__.get("marks_kept", ()))
            return marked
        return Mark(self.name, args, kwargs)


class Marks:
    """Gives a mark of any name."""

    def __getattr__(self, name: str) -> Mark:
        return Mark(name)


class Row:
    """One row of arguments."""

    def __init__(self, *values: Any, id: Any = None, marks: Any = ()) -> None:
        self.values, self.id = values, id
        self.marks = tuple(marks) if isinstance(marks, (list, tuple)) else (marks,)


class Provided:
    """A function that provides what a test asks for."""

    def __init__(self, function: Any, scope: Any, params: Any, autouse: bool, name: Any) -> None:
        self.function, self.scope, self.params, self.autouse, self.name = function, scope, params, autouse, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise Unsupported("it calls a fixture")

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self


def provided(
    function: Any = None,
    *,
    scope: Any = "function",
    params: Any = None,
    autouse: bool = False,
    ids: Any = None,
    name: Any = None,
) -> Any:
    def kept(given: Any) -> Provided:
        return Provided(given, scope, params, autouse, name)

    return kept if function is None else kept(function)


def leave_out(reason: str = "", **_: Any) -> Any:
    raise Skipped(reason)


def give_up(reason: str = "", **_: Any) -> Any:
    raise AssertionError(reason)


def imported_or_skipped(name: str, minversion: Any = None, reason: Any = None, **_: Any) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Skipped(str(error)) from None


class Patching:
    """Changes things for one test and puts them back."""

    def __init__(self) -> None:
        self.undoing: list[Any] = []

    @contextlib.contextmanager
    def context(self) -> Any:
        inner = Patching()
        try:
            yield inner
        finally:
            inner.undo()

    def setattr(self, target: Any, name: Any, value: Any = ABSENT, raising: bool = True) -> None:
        if isinstance(target, str):
            value, (target, name) = name, resolved(target)
        old = getattr(target, name, ABSENT)
        if raising and old is ABSENT:
            raise AttributeError("%r has no attribute %r" % (target, name))
        own = target.__dict__.get(name, ABSENT) if inspect.isclass(target) else old
        setattr(target, name, value)
        self.undoing.append(lambda: delattr(target, name) if own is ABSENT else setattr(target, name, own))

    def delattr(self, target: Any, name: Any = ABSENT, raising: bool = True) -> None:
        if isinstance(target, str) and name is ABSENT:
            target, name = resolved(target)
        if not hasattr(target, name):
            if raising:
                raise AttributeError(name)
            return
        old = getattr(target, name)
        delattr(target, name)
        self.undoing.append(lambda: setattr(target, name, old))

    def setitem(self, holder: Any, key: Any, value: Any) -> None:
        old = holder.get(key, ABSENT)
        holder[key] = value
        self.undoing.append(lambda: holder.pop(key, None) if old is ABSENT else holder.__setitem__(key, old))

    def delitem(self, holder: Any, key: Any, raising: bool = True) -> None:
        if key not in holder:
            if raising:
                raise KeyError(key)
            return
        old = holder.pop(key)
        self.undoing.append(lambda: holder.__setitem__(key, old))

    def setenv(self, name: str, value: Any, prepend: Any = None) -> None:
        text = str(value)
        if prepend and name in os.environ:
            text = text + prepend + os.environ[name]
        self.setitem(os.environ, name, text)

    def delenv(self, name: str, raising: bool = True) -> None:
        self.delitem(os.environ, name, raising=raising)

    def syspath_prepend(self, path: Any) -> None:
        old = list(sys.path)
        sys.path.insert(0, str(path))
        self.undoing.append(lambda: sys.path.__setitem__(slice(None), old))

    def chdir(self, path: Any) -> None:
        old = os.getcwd()
        os.chdir(path)
        self.undoing.append(lambda: os.chdir(old))

    def undo(self) -> None:
        while self.undoing:
            self.undoing.pop()()


def resolved(dotted: str) -> Any:
    path, _, name = dotted.rpartition(".")
    parts = path.split(".")
    found = importlib.import_module(parts[0])
    for at, part in enumerate(parts[1:], 2):
        if not hasattr(found, part):
            importlib.import_module(".".join(parts[:at]))
        found = getattr(found, part)
    return found, name


class Written:
    """What a test writes to its streams."""

    def __init__(self) -> None:
        self.before = sys.stdout, sys.stderr
        self.out, self.err = sys.stdout, sys.stderr = io.StringIO(), io.StringIO()

    def readouterr(self) -> Any:
        told = self.out.getvalue(), self.err.getvalue()
        for stream in (self.out, self.err):
            stream.seek(0)
            stream.truncate()
        return Told(*told)

    def restore(self) -> None:
        sys.stdout, sys.stderr = self.before


class Told(tuple):  # type: ignore[type-arg]  # Python 3.8 has no tuple[…]
    """Two texts, by place and by name."""

    def __new__(cls, out: str, err: str) -> Any:
        made: Any = tuple.__new__(cls, (out, err))
        made.out, made.err = out, err
        return made


class Logged(logging.Handler):
    """What a test logs."""

    def __init__(self) -> None:
        logging.Handler.__init__(self, 0)
        self.records: list[Any] = []
        self.levels: list[Any] = []
        logging.getLogger().addHandler(self)

    def emit(self, record: Any) -> None:
        self.records.append(record)

    @property
    def messages(self) -> list[str]:
        return [one.getMessage() for one in self.records]

    @property
    def text(self) -> str:
        return "".join(
            "%-8s %s:%s:%d %s\n" % (one.levelname, one.name, one.filename, one.lineno, one.getMessage())
            for one in self.records
        )

    @property
    def record_tuples(self) -> list[Any]:
        return [(one.name, one.levelno, one.getMessage()) for one in self.records]

    def clear(self) -> None:
        self.records.clear()

    def set_level(self, level: Any, logger: Any = None) -> None:
        found = logging.getLogger(logger)
        self.levels.append((found, found.level))
        found.setLevel(level)

    @contextlib.contextmanager
    def at_level(self, level: Any, logger: Any = None) -> Any:
        self.set_level(level, logger)
        try:
            yield
        finally:
            self.put_back()

    def put_back(self) -> None:
        found, level = self.levels.pop()
        found.setLevel(level)

    def restore(self) -> None:
        while self.levels:
            self.put_back()
        logging.getLogger().removeHandler(self)


def new_directory() -> Path:
    return Path(tempfile.mkdtemp()).resolve()


class Named:
    """What only annotations speak of."""

    def __class_getitem__(cls, _: Any) -> Any:
        return cls


def offered(alias: str) -> types.ModuleType:
    """Return the module that tests import in place of the library."""
    module = types.ModuleType(alias)
    module.__dict__.update({
        "raises": block_that_raises, "warns": block_that_warns, "approx": Nearly, "mark": Marks(), "param": Row,
        "fixture": provided, "skip": leave_out, "fail": give_up, "importorskip": imported_or_skipped,
        "deprecated_call": lambda: block_that_warns((DeprecationWarning, PendingDeprecationWarning)),
        "ExceptionInfo": Caught, "MonkeyPatch": Patching, "FixtureRequest": Named, "LogCaptureFixture": Named,
        "CaptureFixture": Named, "TempPathFactory": Named, "Config": Named, "Item": Named, "WarningsRecorder": Named,
    })  # fmt: skip
    return module
