"""Opens files of tests under whatever names they have here, and gives each test what it asks for.

Runs in the target environment between `standin.py` and `frame.py`, in one text with them: standard library alone, syntax of Python
3.8. It knows every test and fixture by its original name.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import inspect
import itertools
import os
import re
import sys
import types
from typing import Any

from pipeline.proof.neutral.inside.standin import (
    Logged,
    Patching,
    Provided,
    Row,
    Skipped,
    Unsupported,
    Written,
    new_directory,
)


class Borrowed(importlib.machinery.SourceFileLoader):
    """Loads a module of the standard library under another name."""

    given: tuple[str, str] = "", ""

    def get_code(self, fullname: str) -> Any:
        new, shown = self.given
        source = self.get_data(self.path).decode("utf-8")
        return compile(re.sub(r"\bunittest\b", new, source), shown, "exec", dont_inherit=True)

    def exec_module(self, module: Any) -> None:
        module.__file__ = self.given[1]
        importlib.machinery.SourceFileLoader.exec_module(self, module)


class Borrowing:
    """Finds the library of test classes under another name."""

    def __init__(self, new: str, shown: str) -> None:
        self.new, self.shown = new, shown
        library = importlib.machinery.PathFinder.find_spec("unittest")
        self.folder = os.path.dirname(str(library and library.origin))

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        first, _, rest = fullname.partition(".")
        if first != self.new or "." in rest:
            return None
        file = os.path.join(self.folder, (rest or "__init__") + ".py")
        if not os.path.isfile(file):
            return None
        loader = Borrowed(fullname, file)
        loader.given = self.new, os.path.join(self.shown, (rest or self.new) + ".py")
        places = None if rest else [self.folder]
        return importlib.util.spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=places)


def open_package(name: str, folder: str) -> None:
    """Import a folder as a package of another name."""
    above = name.rpartition(".")[0]
    if above:
        importlib.import_module(above)
    file = os.path.join(folder, "__init__.py")
    found = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[folder])
    if name in sys.modules or found is None or found.loader is None:
        return
    package = sys.modules[name] = importlib.util.module_from_spec(found)
    try:
        found.loader.exec_module(package)
    except BaseException:
        del sys.modules[name]
        raise


class Opened:
    """One file of tests or of what they need, with what it offers by original names."""

    def __init__(self, given: Any) -> None:
        self.given = given
        self.old = vars(given.names)
        self.module = types.ModuleType(given.module)
        self.module.__file__ = given.shown
        if given.package:
            importlib.import_module(given.package)
            self.module.__package__ = given.package
        if given.registered:
            sys.modules[given.module] = self.module
        exec(compile(given.text, given.shown, "exec", dont_inherit=True), self.module.__dict__)

    def original(self, name: str) -> str:
        return str(self.old.get(name, name))

    def own(self, name: str, usual: Any = None) -> Any:
        here = next((new for new, old in self.old.items() if old == name), name)
        return self.module.__dict__.get(here, usual)

    def providers(self) -> dict[str, Any]:
        found = {}
        for name, one in list(self.module.__dict__.items()):
            if isinstance(one, Provided):
                found[one.name or self.original(name)] = (one, self, None)
        return found


def laid_over(outer: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    """Return providers of which the inner ones count; one may ask for the outer one of its own name."""
    return {**outer, **{name: (*one[:3], outer.get(name)) for name, one in inner.items()}}


class Case:
    """One test."""

    def __init__(self, file: Opened, holder: Any, name: str, providers: dict[str, Any]) -> None:
        self.file, self.holder, self.name, self.providers = file, holder, name, providers
        own = file.original(name)
        self.called = own if holder is None else file.original(holder.__name__) + "." + own
        self.function = file.module.__dict__[name] if holder is None else getattr(holder, name)

    def marks(self) -> list[Any]:
        every = self.file.own("pytestmark", [])
        found = list(every) if isinstance(every, (list, tuple)) else [every]
        for kind in reversed(self.holder.__mro__) if self.holder is not None else ():
            found += kind.__dict__.get("marks_kept", ())
        return [*found, *getattr(self.function, "marks_kept", ())]

    def rows(self) -> list[Any]:
        dimensions = []
        for mark in self.marks():
            if mark.name == "skip" or (mark.name == "skipif" and skips(mark)):
                raise Skipped("it is marked so")
            if mark.name == "xfail":
                raise Unsupported("it is expected to fail")
            if mark.name == "parametrize":
                dimensions.append(dimension(mark))
        return [dict(pair for one in chosen for pair in one) for chosen in itertools.product(*dimensions)]

    def asked_besides(self) -> list[str]:
        names = [name for mark in self.marks() if mark.name == "usefixtures" for name in mark.args]
        return [*(name for name, one in self.providers.items() if one[0].autouse), *names]


def skips(mark: Any) -> bool:
    return skips_for(*mark.args[:1], **mark.kwargs)


def skips_for(condition: Any = True, **_: Any) -> bool:
    if isinstance(condition, str):
        raise Unsupported("it is left out by a condition in words")
    return bool(condition)


def table_of(argnames: Any, argvalues: Any, indirect: Any = False, **_: Any) -> Any:
    return argnames, argvalues, indirect


def dimension(mark: Any) -> list[Any]:
    names, values, indirect = table_of(*mark.args, **mark.kwargs)
    if indirect:
        raise Unsupported("its arguments go through a fixture")
    names = [one.strip() for one in names.split(",") if one.strip()] if isinstance(names, str) else list(names)
    rows = []
    for value in values:
        if isinstance(value, Row):
            if any(one.name in ("skip", "skipif", "xfail") for one in value.marks):
                continue
            value = value.values if len(names) > 1 else value.values[0]
        rows.append(list(zip(names, value)) if len(names) > 1 else [(names[0], value)])
    return rows


class Request:
    """What a fixture may ask about its own call."""

    def __init__(self, setting: Any, param: Any) -> None:
        self.setting = setting
        if param is not None:
            self.param = param[0]

    def addfinalizer(self, function: Any) -> None:
        self.setting.ending.append(function)

    def getfixturevalue(self, name: str) -> Any:
        return self.setting.given(name)


class Setting:
    """What one call of one test is given."""

    def __init__(self, case: Case, row: Any, instance: Any, shared: Any, params: Any) -> None:
        self.case, self.instance, self.shared, self.params = case, instance, shared, params
        self.known = dict(row)
        self.ending: list[Any] = []
        self.asked: list[str] = []

    def given(self, name: str) -> Any:
        if name in self.known:
            return self.known[name]
        if name in self.asked:
            raise Unsupported("it needs the fixture %s" % name)
        self.asked.append(name)
        self.known[name] = self.made(name)
        self.asked.remove(name)
        return self.known[name]

    def made(self, name: str) -> Any:
        if name in self.case.providers:
            return self.from_provider(name)
        if name == "tmp_path":
            return new_directory()
        if name == "request":
            return Request(self, None)
        maker: Any = {"monkeypatch": Patching, "capsys": Written, "caplog": Logged}.get(name)
        if maker is None:
            raise Unsupported("it needs the fixture %s" % name)
        found = maker()
        self.ending.append(found.undo if name == "monkeypatch" else found.restore)
        return found

    def from_provider(self, name: str) -> Any:
        return self.provided_by(self.case.providers[name], name)

    def provided_by(self, provider: Any, name: str) -> Any:
        one = provider[0]
        if one.scope == "function":
            return self.called(provider, name, self.ending)
        key = (name, id(one), repr(self.params.get(name)))
        if key not in self.shared.known:
            self.shared.known[key] = self.called(provider, name, self.shared.ending)
        return self.shared.known[key]

    def called(self, provider: Any, name: str, ending: list[Any]) -> Any:
        one, file, holder, outer = provider
        function = one.function if holder is None else one.function.__get__(self.instance)
        given = {}
        for here, original in wanted(function, file):
            if original == "request":
                given[here] = Request(self, self.params.get(name))
            elif original == name and outer is not None:
                given[here] = self.provided_by(outer, name)
            else:
                given[here] = self.given(original)
        made = function(**given)
        if inspect.isgenerator(made):
            generator = made
            made = next(generator)
            ending.append(lambda: next(generator, None))
        if inspect.iscoroutine(made) or inspect.isasyncgen(made):
            raise Unsupported("the fixture %s is asynchronous" % name)
        return made


def wanted(function: Any, file: Opened) -> list[Any]:
    found = []
    for name, one in inspect.signature(function).parameters.items():
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD) or one.default is not one.empty:
            continue
        found.append((name, file.original(name)))
    return found


def needed(case: Case, names: list[str], seen: list[str]) -> list[str]:
    for name in names:
        if name in seen or name not in case.providers:
            continue
        seen.append(name)
        one, file, _, _ = case.providers[name]
        inner = [original for _, original in wanted(one.function, file) if original != "self"]
        needed(case, inner, seen)
    return seen
