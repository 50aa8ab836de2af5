"""Read the results of Node's test runners: our event lines, the JSON of Jest and Vitest, Mocha's JSON, AVA's TAP."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.proof.json_text import parsed_object
from pipeline.proof.test_reports import Failure, Outcome, TestCaseResult, failure
from pipeline.proof.untrusted_files import ReportUnreadable, holds_file, read_source, walk_files

_ERROR_LINE = re.compile(r"(?m)^\s*(?P<name>[A-Z]\w*(?:Error|Exception)|Error)(?: \[\w+\])?: (?P<message>.+)$")
_WHOLE_MAX = 2**53
_JEST_ASSERTION = re.compile(r"^Error: expect\(|JestAssertionError|^Error: Expected ")
_NAMELESS_ASSERTION = re.compile(
    r"^(?:expected\b|expect\(|Expected |Snapshot |promise (?:resolved|rejected) |Missing expected |The (?:expression|input) )"
    r"|// (?:Object\.is|deep) equality$",
    re.MULTILINE,
)
"""How an assertion begins in Vitest's report, which until its second version named no error at all."""


def node_cases(text: str, tree: Path) -> list[TestCaseResult]:
    """Read our reporter's lines. A file that holds no test, or fails to load, is not a passing test."""
    cases: list[TestCaseResult] = []
    titles: list[str] = []
    stderr: dict[str, str] = {}
    for line in text.splitlines():
        event = parsed_object(line)
        kind, file = event.get("type"), source_of(_relative(event.get("file"), tree), tree)
        if kind == "test:stderr":
            stderr[file] = (stderr.get(file, "") + str(event.get("text", "")))[-16_000:]
        elif kind == "test:start":
            nesting = _whole(event.get("nesting"))
            titles[nesting:] = [str(event.get("name", ""))]
        elif kind in {"test:pass", "test:fail"}:
            cases.extend(_node_case(event, file, titles, stderr, tree))
    return cases


def _node_case(
    event: dict[str, Any], file: str, titles: list[str], stderr: dict[str, str], tree: Path
) -> Iterator[TestCaseResult]:
    failed = event.get("type") == "test:fail"
    name = str(event.get("name", ""))
    if _whole(event.get("nesting")) == 0 and _relative(name, tree) in {file, _relative(event.get("file"), tree)}:
        if failed:
            told = _stderr_failure(stderr.get(file, ""))
            yield TestCaseResult(test_id=file, file=file, name=file, outcome=Outcome.ERROR, failure=told)
        return
    error = event.get("error")
    facts = error if isinstance(error, dict) else {}
    if event.get("suite") and (not failed or facts.get("kind") == "subtestsFailed"):
        return
    path = [*titles[: _whole(event.get("nesting"))], name]
    outcome = Outcome.FAILED if failed else Outcome.PASSED
    if event.get("skip") or event.get("todo"):
        outcome = Outcome.SKIPPED
    elif failed and facts.get("kind") in {"hookFailed", "cancelledByParent", "testTimeoutFailure"}:
        outcome = Outcome.ERROR
    yield TestCaseResult(
        test_id="::".join([file, *path]),
        file=file,
        name=name,
        outcome=outcome,
        failure=_node_failure(facts) if outcome.bad else None,
        duration_ms=_whole(event.get("duration_ms")),
    )


def _node_failure(facts: dict[str, Any]) -> Failure:
    cause = facts.get("cause")
    inner: dict[str, Any] = cause if isinstance(cause, dict) and cause.get("name") else facts
    exception = "AssertionError" if inner.get("code") == "ERR_ASSERTION" else inner.get("name")
    return failure(str(inner.get("message", "")), str(inner.get("stack", "")), exception=exception)


def _stderr_failure(text: str) -> Failure:
    found = list(_ERROR_LINE.finditer(text))
    if not found:
        return failure("The file ended with an error before its tests were done.", text)
    return failure(found[-1].group("message"), text, exception=found[-1].group("name"))


def jest_cases(text: str, tree: Path) -> list[TestCaseResult]:
    """Read Jest's `--json` result, which Vitest's `--reporter=json` copies."""
    document = parsed_object(text)
    suites = document.get("testResults")
    if not isinstance(suites, list):
        raise ReportUnreadable("The result file is not a Jest result.")
    cases: list[TestCaseResult] = []
    for suite in suites:
        if isinstance(suite, dict):
            cases.extend(_jest_suite(suite, tree))
    return cases


def _jest_suite(suite: dict[str, Any], tree: Path) -> Iterator[TestCaseResult]:
    file = source_of(_relative(suite.get("name"), tree), tree)
    results = [result for result in suite.get("assertionResults") or [] if isinstance(result, dict)]
    for result in results:
        yield _jest_case(result, file)
    if suite.get("status") == "failed" and not any(result.get("status") == "failed" for result in results):
        told = _suite_failure(str(suite.get("message", "")))
        yield TestCaseResult(test_id=file, file=file, name=file, outcome=Outcome.ERROR, failure=told)


def _jest_case(result: dict[str, Any], file: str) -> TestCaseResult:
    titles = [str(title) for title in result.get("ancestorTitles") or [] if title]
    name = str(result.get("title", ""))
    status = result.get("status")
    outcome = {"passed": Outcome.PASSED, "failed": Outcome.FAILED}.get(str(status), Outcome.SKIPPED)
    messages = "\n".join(str(message) for message in result.get("failureMessages") or [])
    return TestCaseResult(
        test_id="::".join([file, *titles, name]),
        file=file,
        name=name,
        outcome=outcome,
        failure=_jest_failure(messages) if outcome.bad else None,
        duration_ms=_whole(result.get("duration")),
    )


def _jest_failure(messages: str) -> Failure:
    head = messages.strip().splitlines()[0] if messages.strip() else ""
    if _JEST_ASSERTION.match(head):
        return failure(head, messages, exception="AssertionError")
    found = _ERROR_LINE.match(head)
    if found is None and _NAMELESS_ASSERTION.search(head):
        return failure(head, messages, exception="AssertionError")
    return failure(
        found.group("message") if found else head, messages, exception=found.group("name") if found else None
    )


def _suite_failure(message: str) -> Failure:
    lines = [line.strip() for line in message.splitlines() if line.strip() and "Test suite failed to run" not in line]
    found = _ERROR_LINE.search(message)
    if found:
        return failure(found.group("message"), message, exception=found.group("name"))
    return failure(
        lines[0] if lines else "The file could not be loaded.", message, exception="Error" if lines else None
    )


def mocha_cases(text: str, tree: Path) -> list[TestCaseResult]:
    """Read the JSON of Mocha, which names the file that ran: for tests that are built first, the built one."""
    document = parsed_object(text)
    tests = document.get("tests")
    if not isinstance(tests, list):
        raise ReportUnreadable("The result file is not a Mocha result.")
    skipped = {_full_title(test) for test in document.get("pending") or []}
    ran = [_mocha_case(test, skipped, tree) for test in tests if isinstance(test, dict)]
    hooks = [test for test in document.get("failures") or [] if isinstance(test, dict)]
    known = {case.test_id for case in ran}
    return ran + [case for case in (_mocha_case(test, skipped, tree) for test in hooks) if case.test_id not in known]


def _mocha_case(test: dict[str, Any], skipped: set[str], tree: Path) -> TestCaseResult:
    file = source_of(_relative(test.get("file"), tree), tree)
    name, full = str(test.get("title", "")), _full_title(test)
    scope = full.removesuffix(name).strip()
    error = test.get("err") if isinstance(test.get("err"), dict) else {}
    outcome = Outcome.FAILED if error else Outcome.PASSED
    if full in skipped:
        outcome = Outcome.SKIPPED
    elif error and name.startswith('"'):  # mocha calls a hook `"before each" hook for "title"`
        outcome = Outcome.ERROR
    return TestCaseResult(
        test_id="::".join(part for part in (file, scope, name) if part),
        file=file,
        name=name,
        outcome=outcome,
        failure=_thrown(error) if error else None,
        duration_ms=_whole(test.get("duration")),
    )


def _full_title(test: object) -> str:
    return str(test.get("fullTitle", "")) if isinstance(test, dict) else ""


def _thrown(error: dict[str, Any]) -> Failure:
    """Chai and node:assert name their error; other libraries show that they compared something."""
    name = str(error.get("name") or "") or None
    if (
        error.get("code") == "ERR_ASSERTION"
        or "AssertionError" in str(error.get("stack", ""))[:200]
        or (name in {None, "Error"} and {"expected", "actual"} <= set(error))
    ):
        name = "AssertionError"
    elif name is None:
        found = _ERROR_LINE.search(str(error.get("stack", "")))
        name = found.group("name") if found else None
    return failure(str(error.get("message", "")), str(error.get("stack", "")), exception=name)


_TAP = re.compile(r"(?m)^(?P<bad>not )?ok \d+ - (?P<title>[^\n]*?)(?P<rest> # (?:SKIP|TODO)[^\n]*)?$")
_TAP_DETAIL = re.compile(r"(?s)^\s+---\n(?P<yaml>.*?)\n\s+\.\.\.")


def ava_cases(output: str, tree: Path, chosen: Sequence[str]) -> list[TestCaseResult]:
    """Read AVA's TAP. Titles begin with the file, shortened, when more than one ran; `chosen` are those that were asked for."""
    among = chosen or _ava_tests(tree)
    files = {_ava_prefix(path): path for path in among}
    found = list(_TAP.finditer(output))
    ends = [*(one.start() for one in found[1:]), len(output)][: len(found)]
    cases: list[TestCaseResult] = []
    thrown = ""
    for one, end in zip(found, ends, strict=True):
        detail = _TAP_DETAIL.match(output[one.end() + 1 : end])
        text = detail.group("yaml") if detail else ""
        lost = _AVA_LOST.match(one.group("title"))
        if lost:
            cases.append(_ava_file(lost.group("file") or lost.group("other"), thrown or text))
        elif _AVA_THROWN.match(one.group("title")):
            thrown = text
        else:
            cases.append(_ava_case(one, text, files))
    return list({case.test_id: case for case in cases}.values())


_AVA_LOST = re.compile(r"(?P<file>\S+) exited|No tests found in (?P<other>[^\s,]+)")
_AVA_THROWN = re.compile(r"file://|[\w.]*Error(?: \[\w+\])?: |\S+:\d+$")
"""What a file threw before its tests were done; the file itself comes after it."""
_AVA_INNER = re.compile(
    r"(?s)Error thrown in test.*?(?P<name>[A-Z]\w*) \{\s*message: (?P<q>['\"`])(?P<message>.*?)(?P=q),\n"
)


def _ava_file(file: str, text: str) -> TestCaseResult:
    return TestCaseResult(test_id=file, file=file, name=file, outcome=Outcome.ERROR, failure=_ava_failure(text))


def _ava_case(found: re.Match[str], text: str, files: Mapping[str, str]) -> TestCaseResult:
    parts = found.group("title").split(" › ")
    file, name = next(iter(files.values())) if len(files) == 1 else "", found.group("title")
    for cut in range(len(parts) - 1, 0, -1):
        ending = "/" + "/".join(parts[:cut])
        named = [path for prefix, path in files.items() if f"/{prefix}".endswith(ending)]
        if named:
            file, name = min(named, key=len), " › ".join(parts[cut:])
            break
    outcome = Outcome.FAILED if found.group("bad") else Outcome.PASSED
    if found.group("rest"):
        outcome = Outcome.SKIPPED
    told = _ava_failure(text) if outcome.bad else None
    return TestCaseResult(
        test_id="::".join(part for part in (file, name) if part), file=file, name=name, outcome=outcome, failure=told
    )


def _ava_failure(text: str) -> Failure:
    thrown = _AVA_INNER.search(text)
    if thrown:
        return failure(thrown.group("message"), text, exception=thrown.group("name"))
    name = re.search(r"(?m)^\s*name: (\w+)", text)
    message = re.search(
        r"(?m)^(?P<indent>\s*)message: (?:[>|]-?(?P<folded>(?:\n(?P=indent) +.*)+)|(?P<line>.*))$", text
    )
    said = " ".join((message.group("folded") or message.group("line") or "").split()).strip("'\"") if message else ""
    return failure(said or text.strip()[:300], text, exception=name.group(1) if name else None)


def _ava_prefix(path: str) -> str:
    bare = PurePosixPath(path)
    stem = re.sub(
        r"^(?:test-)|(?:\.(?:test|spec))$", "", bare.name.partition(".")[0] if "." in bare.name else bare.name
    )
    return str(bare.with_name(stem))


def source_of(file: str, tree: Path) -> str:
    """Return the source of a built file, `dist/test/a.js` being `test/a.ts`; the file itself where there is none."""
    if not file.endswith((".js", ".mjs", ".cjs")):
        return file
    found = (f"{bare}{suffix}" for bare in _sources(file) for suffix in (".ts", ".mts", ".cts", ".tsx"))
    return next((path for path in found if holds_file(tree, path)), file)


def _sources(file: str) -> Iterator[str]:
    """Yield where the source of a script may lie, without its suffix: beside it, or outside the folders that hold what is built."""
    yield str(PurePosixPath(file).with_suffix(""))
    top, _, inner = file.partition("/")
    while inner and _NODE_BUILT.match(top):
        bare = str(PurePosixPath(inner).with_suffix(""))
        yield from (bare, f"src/{bare}")
        top, _, inner = inner.partition("/")


_NODE_BUILT = re.compile(r"(?:dist|build|out|lib|cjs|esm|\.test|\.?tmp|compiled)[\w.-]*$")
_NODE_TEST = re.compile(r"(?:^|/)(?:test|tests|__tests__)(?:/|\.|-)|\.test\.|(?:^|/)test-")
_LOADS_AVA = re.compile(r"""(?:\bfrom|\brequire\()\s*['"]ava['"]""")


def _ava_tests(tree: Path) -> list[str]:
    """Return the files that load AVA, under whatever names; helpers beside them do not. Else those with the usual names."""
    scripts = [path for path in walk_files(tree) if path.endswith((".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"))]
    loading = [path for path in scripts if _LOADS_AVA.search(read_source(tree, path))]
    return loading or [path for path in scripts if _NODE_TEST.search(path)]


def _relative(file: object, tree: Path) -> str:
    text = str(file or "").removeprefix("file://")
    for root in (tree, tree.resolve()):
        text = text.removeprefix(f"{root}/")
    return text


def _whole(value: object) -> int:
    return round(value) if isinstance(value, int | float) and 0 <= value < _WHOLE_MAX else 0
