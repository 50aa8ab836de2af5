"""Read the results of compiled languages: Go's event lines, Cargo's text, and javac errors inside Maven or Gradle output.

A package that does not compile runs no test at all; each source file that the compiler names becomes one case, so that
the witness can tell a missing symbol from a syntax error.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from pipeline.proof.json_text import parsed_object
from pipeline.proof.results.junit_xml import RawCase
from pipeline.proof.test_reports import Failure, Outcome, TestCaseResult, failure
from pipeline.proof.test_sources import declared_tests
from pipeline.proof.untrusted_files import holds_file, read_source, walk_files

COMPILE_ERROR = "CompileError"
_GO_ERROR = re.compile(r"(?m)^(?:vet: )?(?P<file>[\w./-]+\.go):\d+(?::\d+)?: (?P<message>.+)$")
_GO_ASSERTION = re.compile(r"(?m)^\s+[\w./-]+_test\.go:\d+: ")
GO_EXAMPLE = re.compile(r"(?ms)^got:\n(?P<got>.{0,500}?)^want:\n(?P<want>[^\n]{0,500})")
"""How an example tells that it printed something else."""
_CARGO_RUNNING = re.compile(r"^\s*Running (?P<unit>unittests )?(?P<file>\S+) \((?P<binary>\S+)\)")
_CARGO_TEST = re.compile(r"^test (?P<name>.+?)(?: - should panic)? \.\.\. (?P<outcome>ok|FAILED|ignored)\b")
_CARGO_BLOCK = re.compile(r"(?ms)^---- (?P<name>.+?) stdout ----\n(?P<text>.*?)(?=^---- |^failures:|\Z)")
_CARGO_ERROR = re.compile(
    r"(?ms)^error(?:\[(?P<code>E\d+)\])?: (?P<message>[^\n]+)\n\s*--> (?P<file>[^:\n]+):\d+:\d+.*?(?=^\s*$|\Z)"
)
_PANIC = re.compile(r"(?m)^thread .* panicked at .*:\n(?P<message>.+)$")
_JAVA_ERROR = re.compile(
    r"(?m)^(?:\[ERROR\] )?(?P<file>/[^\n:\[]+\.(?:java|kt)):\[?(?P<line>\d+)(?:,\d+\])?:? (?:error: )?(?P<message>[^\n]+)(?P<more>(?:\n(?:\[ERROR\])?\s+(?:symbol|location):[^\n]*)*)"
)


def go_cases(output: str, tree: Path) -> list[TestCaseResult]:
    """Read `go test -json`. Ids are file based: the file that declares the test, else the package's directory."""
    modules = _go_modules(tree)
    files = _go_test_files(tree)
    outputs: dict[tuple[str, str], str] = {}
    cases: list[TestCaseResult] = []
    for line in output.splitlines():
        event = parsed_object(line)
        key = (_go_folder(str(event.get("Package", "")), modules), str(event.get("Test", "")))
        action = event.get("Action")
        if action == "output":
            outputs[key] = (outputs.get(key, "") + str(event.get("Output", "")))[-16_000:]
        elif action in {"pass", "fail", "skip"} and key[1]:
            cases.append(_go_case(key, str(action), outputs.get(key, ""), files, event.get("Elapsed")))
    return cases + _go_compile_errors(output, tree)


def _go_case(
    key: tuple[str, str], action: str, text: str, files: dict[tuple[str, str], str], elapsed: object
) -> TestCaseResult:
    folder, name = key
    file = files.get((folder, name.partition("/")[0]), "")
    outcome = {"pass": Outcome.PASSED, "fail": Outcome.FAILED, "skip": Outcome.SKIPPED}[action]
    printed = GO_EXAMPLE.search(text)
    asserted = (printed is not None or _GO_ASSERTION.search(text) is not None) and "panic:" not in text
    said = f"got {printed['got'].strip()!r}, want {printed['want'].strip()!r}" if printed else _last_line(text)
    told = failure(said, text, exception="AssertionError" if asserted else "panic")
    return TestCaseResult(
        test_id=f"{file or folder}::{name}",
        file=file,
        name=name.partition("/")[0],
        outcome=outcome,
        failure=told if outcome.bad else None,
        duration_ms=round(elapsed * 1000) if isinstance(elapsed, int | float) else 0,
    )


def _go_compile_errors(output: str, tree: Path) -> list[TestCaseResult]:
    plain = "".join(_go_text(line) for line in output.splitlines())
    folders: dict[str, list[str]] = {}
    for found in _GO_ERROR.finditer(plain):
        path = PurePosixPath(found.group("file")).as_posix()
        if not path.startswith("/"):
            folders.setdefault(str(PurePosixPath(path).parent), []).append(found.group("message"))
    test_files = [path for path in walk_files(tree) if path.endswith("_test.go")]
    return [
        _file_error(path, failure("; ".join(dict.fromkeys(messages)), plain, exception=COMPILE_ERROR))
        for path in test_files
        if (messages := folders.get(str(PurePosixPath(path).parent)))
    ]


def _go_text(line: str) -> str:
    event = parsed_object(line)
    if not event:
        return line + "\n"
    return str(event.get("Output", "")) if event.get("Action") == "build-output" else ""


def _go_test_files(tree: Path) -> dict[tuple[str, str], str]:
    return {
        (str(PurePosixPath(path).parent), test.name): path
        for path in walk_files(tree)
        if path.endswith("_test.go")
        for test in declared_tests(path, read_source(tree, path))
    }


def _go_modules(tree: Path) -> dict[str, str]:
    """Return the modules of a tree, each with its folder."""
    found: dict[str, str] = {}
    for path in walk_files(tree):
        if PurePosixPath(path).name == "go.mod":
            named = re.search(r"(?m)^module\s+(\S+)", read_source(tree, path))
            if named:
                found[named.group(1)] = str(PurePosixPath(path).parent)
    return found


def _go_folder(package: str, modules: Mapping[str, str]) -> str:
    """Return the folder of a package: below that of the module whose path is the longest beginning of its own."""
    for module in sorted(modules, key=len, reverse=True):
        if package == module or package.startswith(f"{module}/"):
            return str(PurePosixPath(modules[module]) / package.removeprefix(module).strip("/"))
    return package.strip("/") or "."


def cargo_cases(output: str, tree: Path | None) -> list[TestCaseResult]:
    """Read the text of `cargo test`; panics whose message is an assertion's count as assertions.

    Cargo names test files relative to their crate: in a workspace the crate is the one whose unit tests ran last, if it
    holds the file, else the only one that does. Without a tree the names stay as they are.
    """
    blocks = {found.group("name").strip(): found.group("text") for found in _CARGO_BLOCK.finditer(output)}
    crates, crate = (_cargo_crates(tree), "") if tree is not None else ({}, "")
    cases: list[TestCaseResult] = []
    file, scope = "", ""
    for line in output.splitlines():
        running = _CARGO_RUNNING.match(line)
        if running:
            binary = PurePosixPath(running.group("binary")).name.rpartition("-")[0]
            crate = crates.get(binary, crate) if running.group("unit") else crate
            file = running.group("file")
            file = file if tree is None else _in_crate(file, crate, crates, tree)
            scope = f"{file}::{binary}" if running.group("unit") else file
        elif line.strip().startswith("Doc-tests"):
            file, scope = "", "doc"
        else:
            found = _CARGO_TEST.match(line)
            if found:
                own = file if tree is None else module_file(file, found.group("name"), tree)
                cases.append(_cargo_case(found, own, scope, blocks))
    return cases + _cargo_compile_errors(output)


def module_file(crate_file: str, name: str, tree: Path) -> str:
    """Return the file of a test's module: the deepest one below its crate's, `a::tests::adds` being in `src/a/tests.rs`."""
    folder = PurePosixPath(crate_file).parent
    modules = name.split("::")[:-1]
    for depth in range(len(modules), 0, -1):
        if not all(part.isidentifier() for part in modules[:depth]):
            continue
        place = folder.joinpath(*modules[:depth])
        for path in (f"{place}.rs", str(place / "mod.rs")):
            if holds_file(tree, path):
                return path
    return crate_file


def nextest_cases(raws: Iterable[RawCase], tree: Path) -> list[TestCaseResult]:
    """Read the report of cargo-nextest, with the ids that `cargo test` gives the same tests.

    A case's class names its binary: a package's library by the package alone, `package::bin/name` a program,
    `package::name` an integration test.
    """
    crates = _cargo_crates(tree)
    return [_nextest_case(raw, crates, tree) for raw in raws]


def _nextest_case(raw: RawCase, crates: Mapping[str, str], tree: Path) -> TestCaseResult:
    package, _, target = raw.classname.partition("::")
    folder = PurePosixPath(crates.get(package.replace("-", "_"), "."))
    name = target.rpartition("/")[2]
    places: tuple[str, ...]
    if target and "/" not in target:
        places = (f"tests/{name}.rs", f"tests/{name}/main.rs")
    else:
        places = ("src/main.rs", f"src/bin/{name}.rs") if target.startswith("bin/") else ("src/lib.rs",)
    found = [str(folder / place) for place in places]
    file = next((path for path in found if holds_file(tree, path)), found[0])
    binary = (name or package).replace("-", "_")
    scope = file if target and "/" not in target else f"{file}::{binary}"
    told = None if raw.failure is None else _panic(raw.failure.tail or raw.failure.message)
    return TestCaseResult(
        test_id=f"{scope}::{raw.name}", file=module_file(file, raw.name, tree), name=raw.name.rpartition("::")[2],
        outcome=raw.outcome, failure=told, duration_ms=raw.duration_ms,
    )  # fmt: skip


def _cargo_crates(tree: Path) -> dict[str, str]:
    """Return the folder of every crate by the name that its binaries carry."""
    found: dict[str, str] = {}
    for path in walk_files(tree):
        if PurePosixPath(path).name == "Cargo.toml":
            named = re.search(r"(?ms)^\[package\].*?^name\s*=\s*[\"']([\w-]+)", read_source(tree, path))
            if named:
                found[named.group(1).replace("-", "_")] = str(PurePosixPath(path).parent)
    return found


def _in_crate(file: str, crate: str, crates: Mapping[str, str], tree: Path) -> str:
    known = dict.fromkeys([crate, *crates.values()])
    folders = [folder for folder in known if folder and holds_file(tree, f"{folder}/{file}")]
    best = crate if crate in folders else folders[0] if len(folders) == 1 else "."
    return str(PurePosixPath(best) / file)


def _cargo_case(found: re.Match[str], file: str, scope: str, blocks: dict[str, str]) -> TestCaseResult:
    name = found.group("name")
    outcome = {"ok": Outcome.PASSED, "FAILED": Outcome.FAILED}.get(found.group("outcome"), Outcome.SKIPPED)
    return TestCaseResult(
        test_id=f"{scope}::{name}",
        file=file or name.partition(" - ")[0],
        name=name.rpartition("::")[2],
        outcome=outcome,
        failure=_panic(blocks.get(name, "")) if outcome.bad else None,
    )


def _panic(text: str) -> Failure:
    found = _PANIC.search(text)
    message = found.group("message") if found else _last_line(text)
    asserted = message.startswith("assertion ") or "test did not panic as expected" in text
    return failure(message, text, exception="AssertionError" if asserted else "panic")


def _cargo_compile_errors(output: str) -> list[TestCaseResult]:
    """One case per file; the first missing symbol wins over other errors, since it decides the witness."""
    found: dict[str, Failure] = {}
    for error in _CARGO_ERROR.finditer(output):
        file = error.group("file").strip()
        exception = error.group("code") or COMPILE_ERROR
        text = error.group(0)
        known = found.get(file)
        message = error.group("message") if known is None else f"{known.message}; {error.group('message')}"
        found[file] = failure(message, text, exception=known.exception if known else exception)
    return [_file_error(file, told) for file, told in found.items()]


def java_compile_errors(output: str, tree: Path) -> list[TestCaseResult]:
    """Read javac errors as Maven and Gradle print them; all messages of a file are joined, each once."""
    messages: dict[str, list[str]] = {}
    for found in _JAVA_ERROR.finditer(output):
        file = found.group("file")
        for root in (tree, tree.resolve()):
            file = file.removeprefix(f"{root}/")
        detail = re.sub(r"\s+", " ", found.group("more").replace("[ERROR]", "")).strip()
        messages.setdefault(file, []).append(f"{found.group('message').strip()} {detail}".strip())
    return [
        _file_error(file, failure("; ".join(dict.fromkeys(told)), "\n".join(told), exception=COMPILE_ERROR))
        for file, told in messages.items()
    ]


def _file_error(file: str, told: Failure) -> TestCaseResult:
    return TestCaseResult(test_id=file, file=file, name=file, outcome=Outcome.ERROR, failure=told)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("===", "---"))]
    return lines[-1] if lines else ""
