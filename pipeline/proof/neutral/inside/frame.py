"""Calls tests one after another and writes down how each ended.

Runs in the target environment behind the texts of `standin.py` and `cases.py`: standard library alone, syntax of Python 3.8. Both
forms use it: alone as a program (neutral), and from a real runner (disclosed).
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import re
import sys
from typing import Any

from pipeline.proof.neutral.inside.cases import (
    Borrowing,
    Case,
    Opened,
    Setting,
    laid_over,
    needed,
    open_package,
    wanted,
)
from pipeline.proof.neutral.inside.standin import Provided, Row, Skipped, Unsupported, offered

WHY_MAX = 300


class Shared:
    """What the tests of one file have together."""

    def __init__(self) -> None:
        self.known: dict[Any, Any] = {}
        self.ending: list[Any] = []
        self.begun: set[Any] = set()


def prepare(plan: Any) -> None:
    """Make the libraries known, in this process and in others that begin with this program."""
    sys.path[:] = [*plan.path, *(one for one in sys.path if one not in (plan.tools, *plan.path))]
    sys.modules[plan.library] = offered(plan.library)
    if plan.classes != "unittest":
        sys.meta_path.insert(0, Borrowing(plan.classes, plan.shown))
    for name, folder in vars(plan.packages).items():
        try:
            open_package(name, folder)
        except BaseException:
            continue  # whoever imports it is told why it cannot be


class Play:
    """All files of a plan, opened, and their tests."""

    def __init__(self, plan: Any) -> None:
        self.plan = plan
        self.shared = {one.told: Shared() for one in plan.files}
        self.base = None
        self.opened: dict[str, Opened] = {}
        self.cases: dict[str, list[Case]] = {}
        self.broken: dict[str, BaseException] = {}
        providers: dict[str, Any] = {}
        for given in plan.around:
            try:
                providers = laid_over(providers, Opened(given).providers())
            except BaseException as error:
                self.broken[given.told] = error
        for given in plan.files:
            try:
                opened = self.opened[given.told] = Opened(given)
                self.cases[given.told] = list(self.found(opened, laid_over(providers, opened.providers())))
            except BaseException as error:
                self.broken[given.told] = error

    def test_class(self) -> Any:
        library = sys.modules.get(self.plan.classes)
        return getattr(library, "TestCase", None) if library is not None else None

    def found(self, file: Opened, providers: dict[str, Any]) -> Any:
        base = self.test_class()
        for name, one in list(file.module.__dict__.items()):
            original = file.original(name)
            if inspect.isfunction(one) and original.startswith("test"):
                yield Case(file, None, name, providers)
            elif inspect.isclass(one) and one.__module__ == file.module.__name__:
                if (base is not None and issubclass(one, base)) or original.startswith("Test"):
                    own = {
                        given.name or inner: (given, file, one)
                        for inner in dir(one)
                        for given in [inspect.getattr_static(one, inner)]
                        if isinstance(given, Provided)
                    }
                    for inner in dir(one):
                        if file.original(inner).startswith("test") and callable(getattr(one, inner)):
                            yield Case(file, one, inner, laid_over(providers, own))

    def play(self, told: str, called: str) -> None:
        """Call one test with all of its rows and write down how that ended."""
        case = next(one for one in self.cases[told] if one.called == called)
        try:
            for row in case.rows():
                self.each(case, row, self.shared[told])
            ended = "passed", ""
        except BaseException as error:
            ended = ending_of(error, case.file)
        self.tell(told, called, *ended)

    def each(self, case: Case, row: Any, shared: Shared) -> None:
        base = self.test_class()
        begin(case, shared)
        if base is not None and case.holder is not None and issubclass(case.holder, base):
            in_a_class_of_the_library(case)
            return
        instance = case.holder() if case.holder is not None else None
        function = case.function if instance is None else getattr(instance, case.name)
        asked = [*case.asked_besides(), *(original for _, original in wanted(function, case.file))]
        varied = [(name, case.providers[name][0].params) for name in needed(case, asked, [])]
        varied = [(name, list(params)) for name, params in varied if params is not None and name not in row]
        for chosen in itertools.product(*(params for _, params in varied)):
            params = {name: (one.values[0] if isinstance(one, Row) else one,) for (name, _), one in zip(varied, chosen)}
            once(Setting(case, row, instance, shared, params), function)

    def tell(self, told: str, called: str, outcome: str, why: str) -> None:
        line = json.dumps({"file": told, "test": called, "outcome": outcome, "why": why[:WHY_MAX]})
        with open(self.plan.results, "a") as results:
            results.write(line + "\n")

    def close(self) -> None:
        """Let go of what the tests of a file had together; what fails in it concerns no test."""
        for shared in self.shared.values():
            while shared.ending:
                try:
                    shared.ending.pop()()
                except BaseException:
                    continue

    def alone(self) -> None:
        """Call every test."""
        for told, error in self.broken.items():
            self.tell(told, "", *ending_of(error))
        for told, cases in self.cases.items():
            for case in cases:
                self.play(told, case.called)
        self.close()

    def from_a_runner(self, told: str) -> dict[str, Any]:
        """Return functions and classes of the original names for a real runner to find; each calls its test here."""
        if told in self.broken:
            raise self.broken[told]
        module = self.opened[told].module
        found = {
            name: one for name, one in module.__dict__.items() if getattr(one, "__module__", "") == module.__name__
        }
        found = {name: one for name, one in found.items() if inspect.isclass(one)}
        held: set[str] = set()
        for case in self.cases[told]:
            holder, _, name = case.called.rpartition(".")
            made = made_as("%s(self=None)" % name, "play(%r, %r)" % (told, case.called), play=self.play)
            if not holder:
                found[name] = made
                continue
            if holder not in held:
                held.add(holder)
                base = self.test_class()
                bases = (base,) if base is not None and issubclass(case.holder, base) else ()
                found[holder] = type(holder, bases, {})
            setattr(found[holder], name, made)
        return found


def made_as(head: str, body: str, **known: Any) -> Any:
    exec("def %s:\n    %s\n" % (head.replace("(self=None)", "(*_)"), body), known)
    return known[head.partition("(")[0]]


def begin(case: Case, shared: Shared) -> None:
    file, holder = case.file, case.holder
    for first, last in (("setup_module", "teardown_module"), ("setUpModule", "tearDownModule")):
        once_only(shared, first, file.own(first), file.own(last), file.module)
    if holder is not None:
        for first, last in (("setup_class", "teardown_class"), ("setUpClass", "tearDownClass")):
            once_only(shared, holder.__name__ + first, getattr(holder, first, None), getattr(holder, last, None), None)


def once_only(shared: Shared, key: str, first: Any, last: Any, given: Any) -> None:
    if key in shared.begun:
        return
    shared.begun.add(key)
    if first is not None:
        first(*([given] if given is not None and inspect.signature(first).parameters else []))
    if last is not None:
        shared.ending.append(
            lambda: last(*([given] if given is not None and inspect.signature(last).parameters else []))
        )


def in_a_class_of_the_library(case: Case) -> None:
    if getattr(case.holder, "__unittest_skip__", False) or getattr(case.function, "__unittest_skip__", False):
        raise Skipped("")
    if getattr(case.function, "__unittest_expecting_failure__", False):
        raise Unsupported("it is expected to fail")
    case.holder(case.name).debug()


def called_with(method: Any, function: Any) -> Any:
    return lambda: method(*([function] if inspect.signature(method).parameters else []))


def once(setting: Setting, function: Any) -> None:
    instance = setting.instance
    try:
        for name in setting.case.asked_besides():
            setting.given(name)
        for method in ("setup_method", "teardown_method"):
            found = getattr(instance, method, None)
            if found is not None:
                call = called_with(found, function)
                if method == "setup_method":
                    call()
                else:
                    setting.ending.append(call)
        made = function(**{here: setting.given(original) for here, original in wanted(function, setting.case.file)})
        if inspect.iscoroutine(made):
            asyncio.run(made)
    finally:
        while setting.ending:
            setting.ending.pop()()


def line_of(error: BaseException, file: Opened) -> str:
    """Return the line of a test file at which it failed, with the names that it has there."""
    trace, number = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file.given.shown:
            number = trace.tb_lineno
        trace = trace.tb_next
    line = file.given.text.splitlines()[number - 1].strip() if number else ""
    return re.sub(r"\w+", lambda word: file.original(word.group()), line)


def ending_of(error: BaseException, file: Any = None) -> Any:
    why = "%s: %s" % (type(error).__name__, str(error).strip().split("\n")[0])
    if isinstance(error, AssertionError) and not str(error) and file is not None:
        why = "%s: %s" % (type(error).__name__, line_of(error, file))
    if isinstance(error, Unsupported):
        return "unsupported", str(error)
    if isinstance(error, Skipped) or type(error).__name__ == "SkipTest":
        return "skipped", str(error)
    return "failed", why
