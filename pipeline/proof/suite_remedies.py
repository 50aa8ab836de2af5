"""The one thing that helps where a base's own suite cannot run.

Problem: what a runner says is seldom what a person has to do. Choice: rules in a fixed order, the most particular first, each
reading the runner's words and the names of the base's files; the last one always answers. Pure.
"""

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import PurePosixPath
from typing import TypeAlias

from pipeline.proof.test_reports import TestReport

NOT_THERE = {126, 127}
"""Exit codes of a shell that could not start a program."""
OUTSIDE = re.compile(
    r"(?i)ECONNREFUSED|connection ?refused|EAI_AGAIN|\bENOTFOUND|could not resolve host|network is unreachable|docker daemon"
    r"|name or service not known|temporary failure in name resolution|could not connect|no such host"
)
"""What a test or a command says that reached for a network or a service."""
BROWSER = re.compile(
    r"(?i)executable doesn't exist|could not find chrom|no usable sandbox|failed to launch the browser"
)
NOT_STARTED = re.compile(
    r"(?m)^(?:\S*sh: (?:line )?\d+: [\w.+-]+: (?:command )?not found|\S+: line \d+: [\w.+-]+: command not found"
    r"|make(?:\[\d+\])?: [\w.+-]+: No such file or directory|make.*: \*\*\* No rule to make target .*|make.*: \*\*\* \[.*\] Error 12[67])$"
)
"""What a command prints that started others and found one missing."""
_MODULE = re.compile(r"No module named '?(?P<name>[\w.]+)|Cannot find (?:module|package) '(?P<node>[^'./][^']*)'")
_NEEDED = re.compile(
    r"requires pytest-[\d.<>=]+|requires-python|requires a different Python|requires rustc|rustc [\d.]+ is not supported"
    r"|feature `edition\w+` is required|requires go >=|invalid go version|release version \d+ not supported|class file version",
    re.IGNORECASE,
)
_NATIVE = re.compile(r"bindings file|/build/Release/|ERR_DLOPEN_FAILED|compiled against a different Node|prebuilds/")
_BUILT = re.compile(r"Cannot find (?:module|package) '(?P<path>(?:\.{0,2}/)[^']+)'")
_PYTHON_2 = re.compile(r"Missing parentheses in call to '(?:print|exec)'|inconsistent use of tabs and spaces")
_NEWER = re.compile(r"cannot import name '\w+' from '(?:typing|enum|datetime|itertools|warnings|contextlib|asyncio)'")
_IMPORT = re.compile(r"No module named|cannot import name|PackageNotFoundError")
_REQUIRED = re.compile(r"Missing required plugins: (?P<names>.+)")
_VARIABLE = re.compile(
    r"KeyError: '(?P<read>[A-Z][A-Z0-9_]+)'|UndefinedValueError: (?P<decouple>\w+) not found"
    r"|[Ee]nvironment variable[: ]+[\"'`]?(?P<named>[A-Z][A-Z0-9_]+)|(?:Set the|Missing) (?P<asked>[A-Z][A-Z0-9_]+) environment variable"
)
_PLUGINS = (
    (re.compile(r"--(?:no-)?cov\b"), "pytest-cov"),
    (re.compile(r"(?:^|\s)(?:-n|--numprocesses|--dist)\b"), "pytest-xdist"),
    (re.compile(r"--timeout\b"), "pytest-timeout"),
    (re.compile(r"--asyncio-mode\b"), "pytest-asyncio"),
    (re.compile(r"--reruns\b"), "pytest-rerunfailures"),
    (re.compile(r"--(?:ds|reuse-db|create-db|nomigrations)\b"), "pytest-django"),
    (re.compile(r"--benchmark"), "pytest-benchmark"),
    (re.compile(r"--mypy"), "pytest-mypy"),
    (re.compile(r"--(?:randomly|random-order)"), "pytest-randomly"),
    (re.compile(r"--(?:html|self-contained-html)"), "pytest-html"),
)


_OPTIONS = (
    (re.compile(r"option: asyncio_"), "pytest-asyncio"),
    (re.compile(r"option: (?:DJANGO_|django_)"), "pytest-django"),
    (re.compile(r"option: timeout"), "pytest-timeout"),
    (re.compile(r"option: env\b"), "pytest-env"),
    (re.compile(r"option: anyio_"), "anyio"),
)
_NO_FIXTURE = re.compile(r"fixture '(?P<name>[^'\n]+)' not found")
_BROUGHT_BY = {
    **dict.fromkeys(("mocker", "class_mocker", "session_mocker"), "pytest-mock"),
    **dict.fromkeys(("db", "client", "rf", "settings", "admin_client", "live_server", "django_user_model"), "pytest-django"),
    **dict.fromkeys(("httpx_mock",), "pytest-httpx"), **dict.fromkeys(("requests_mock",), "requests-mock"),
    **dict.fromkeys(("aiohttp_client", "aiohttp_server"), "pytest-aiohttp"), **dict.fromkeys(("freezer",), "pytest-freezer"),
    **dict.fromkeys(("benchmark",), "pytest-benchmark"), **dict.fromkeys(("snapshot",), "syrupy"),
    **dict.fromkeys(("faker",), "Faker"), **dict.fromkeys(("httpserver",), "pytest-httpserver"),
    **dict.fromkeys(("datadir", "shared_datadir"), "pytest-datadir"), **dict.fromkeys(("qtbot",), "pytest-qt"),
    **dict.fromkeys(("respx_mock",), "respx"), **dict.fromkeys(("data_regression", "file_regression"), "pytest-regressions"),
    **dict.fromkeys(("postgresql",), "pytest-postgresql"), **dict.fromkeys(("event_loop",), "pytest-asyncio"),
}  # fmt: skip
_Rule: TypeAlias = Callable[[str, str, Collection[str]], str | None]
"""Of the error, all that was told, and the base's files."""


def remedy_for(report: TestReport, error: str, files: Collection[str], not_built: str) -> str:
    """Name the one thing to do about an error that kept a suite from running."""
    told = f"{error}\n{report.output_tail}"
    if not_built and _IMPORT.search(error):
        return (
            f"The repository could not be built, so what it compiles or generates is missing: {not_built.rstrip('.')}. "
            "Let the build have what it needs, and check again."
        )
    found = next((said for rule in _RULES if (said := rule(error, told, files)) is not None), None)
    if found is not None:
        return found
    if report.exit_code in NOT_THERE:
        return "Install the program where Changeline runs, or set another test_command."
    return "Run the command in a clean clone: what it needs there has to be declared in the manifests, or set another test_command."


def _options(error: str, told: str, _files: Collection[str]) -> str | None:
    plugins = [name for shape, name in _PLUGINS if "unrecognized arguments" in told and shape.search(error)]
    plugins += [name for shape, name in _OPTIONS if "Unknown config option" in told and shape.search(told)]
    if not plugins:
        return None
    return (
        f"The configuration uses options of plugins that no manifest declares: declare {', '.join(plugins)} with the "
        "repository's test dependencies, or take the options out of the configuration."
    )


def _required_plugins(_error: str, told: str, _files: Collection[str]) -> str | None:
    found = _REQUIRED.search(told)
    if found is None:
        return None
    return (
        f"Declare {found.group('names').strip()} with the repository's test dependencies, or take the name out of "
        "required_plugins."
    )


def _fixture(error: str, _told: str, _files: Collection[str]) -> str | None:
    found = _NO_FIXTURE.search(error)
    if found is None:
        return None
    plugin = _BROUGHT_BY.get(found.group("name"), "the plugin that brings it")
    return f"Nothing here brings the fixture {found.group('name')}: declare {plugin} with the repository's test dependencies."


def _outside(error: str, _told: str, _files: Collection[str]) -> str | None:
    if not OUTSIDE.search(error):
        return None
    return (
        "The tests reach for a service or the network, and run without network and with no service beside them: start what they "
        "need within the test command, let them do without where it is not there, or set a test_command that runs those which do."
    )


def _ending(error: str, _told: str, _files: Collection[str]) -> str | None:
    if "SystemExit" not in error:
        return None
    return (
        "This file ends the process while it is imported, and the runner with it: put what it does under "
        '`if __name__ == "__main__":`, rename it, or leave it out with `--ignore` in the configuration of pytest.'
    )


def _variable(error: str, told: str, _files: Collection[str]) -> str | None:
    found = _VARIABLE.search(error)
    if found is None or ("KeyError" in error and "environ" not in told):
        return None
    name = next(filter(None, found.groups()))
    return (
        f"{name} has to be in the environment of the tests: state it under `environment` in .changeline/repository.yaml on "
        "the base branch, with a value that is no secret, or give it a default."
    )


def _django(_error: str, told: str, files: Collection[str]) -> str | None:
    if not re.search(r"settings are not configured|ImproperlyConfigured|AppRegistryNotReady", told):
        return None
    if "runtests.py" in files:
        return "These tests are started by a program of their own: set the repository's test_command to `python runtests.py`."
    managed = next((path for path in sorted(files, key=len) if path.split("/")[-1] == "manage.py"), "manage.py")
    return (
        f"These are tests of a Django project: set the repository's test_command to `python {managed} test`, or, where pytest "
        "is meant to run them, state DJANGO_SETTINGS_MODULE in its configuration or under `environment` in .changeline/repository.yaml."
    )


def _version(_error: str, told: str, _files: Collection[str]) -> str | None:
    if not _NEEDED.search(told):
        return None
    return (
        "Another version is needed than the one that is installed: install it where Changeline runs, or allow this one."
    )


def _syntax(error: str, _told: str, _files: Collection[str]) -> str | None:
    if _PYTHON_2.search(error):
        return "This is Python 2, which nothing here runs: set a test_command that does."
    if not error.startswith("SyntaxError") and not _NEWER.search(error):
        return None
    return (
        "If this is written for another Python, say for which, in `requires-python` of pyproject.toml or in .python-version: "
        "the tests then run with one of this machine that fits."
    )


def _module(_error: str, told: str, files: Collection[str]) -> str | None:
    found = _MODULE.search(told)
    if found is None:
        return None
    name = found.group("name") or found.group("node")
    if found.group("name") and (folder := _holding(name, files)) is not None:
        return (
            f"{name} lies in {folder}/ of this repository, and nothing says that imports start there: set `pythonpath = "
            f'["{folder}"]` in the configuration of pytest, or make the repository installable.'
        )
    return (
        f"{name} is not installed in the environment of the tests: declare what brings it with the repository's test "
        "dependencies, or set a test_command that does without."
    )


def _compiled_part(_error: str, told: str, _files: Collection[str]) -> str | None:
    if not _NATIVE.search(told):
        return None
    return (
        "A package has a compiled part that its install script builds or fetches, and install scripts do not run: set "
        "CHANGELINE_ENVIRONMENT__INSTALL_SCRIPTS=true."
    )


def _built_file(error: str, _told: str, _files: Collection[str]) -> str | None:
    found = _BUILT.search(error)
    if found is None:
        return None
    return (
        f"{PurePosixPath(found.group('path')).name} is no file of the repository, so something has to build it first: let the "
        "test script do that, or `setup` in .changeline/repository.yaml."
    )


def _program(error: str, _told: str, _files: Collection[str]) -> str | None:
    if not (BROWSER.search(error) or NOT_STARTED.search(f"{error}\n")):
        return None
    return "Install the program where Changeline runs, or set another test_command."


def _holding(module: str, files: Collection[str]) -> str | None:
    """Return the one folder below the root in which a module of this name lies."""
    top = module.partition(".")[0]
    found = {
        path[: at.start()] for path in files if (at := re.search(rf"/{re.escape(top)}(?:\.py$|/)", path)) is not None
    }
    return found.pop() if len(found) == 1 else None


_RULES: Sequence[_Rule] = (
    _options,
    _required_plugins,
    _fixture,
    _outside,
    _ending,
    _variable,
    _django,
    _compiled_part,
    _built_file,
    _version,
    _syntax,
    _module,
    _program,
)
