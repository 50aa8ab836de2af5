"""What tox, nox, hatch and poetry say that a project's tests need: the tools themselves are asked, inside the sandbox.

Their files are programs, or mean more than they say: factors, substitutions, functions of a noxfile. Choice: each tool is
installed into an environment of its own when its file is there, asked for data where it gives any, and run in the copied
tree. A tool that cannot be had or does not answer is told, and the next source counts.
"""

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, TypeAlias

from pipeline.adapters.environments.build import first_error
from pipeline.adapters.environments.dependency_sources import TEST_NAMES, WIDE_NAMES, TestDependencies
from pipeline.adapters.environments.python_manifests import Manifest, inside, read_ini, read_toml, table, texts
from pipeline.adapters.environments.uv_commands import UvBuild
from pipeline.ports import EnvironmentSource

Found: TypeAlias = TestDependencies | str | None
"""What a source asks for; why it could not be read; None: it is not there or says nothing of tests."""

_RUNS_TESTS = re.compile(r"pytest|py\.test|unittest|coverage run|nose|trial\b|manage\.py test")
_SESSION = re.compile(r"(unit[-_ ]?)?(tests?|pytest|unit)")
_ANY_PYTHON = ("py", "py3", "python", "python3")
_ASKED_MAX = 3


async def tox(uv: UvBuild, read: Manifest, folder: str) -> Found:
    """Return what the tox environment that runs the tests with this Python installs."""
    if not _has_tox(read, folder):
        return None
    uv.lay_tree()
    requires = _tox_requires(read, folder)
    bin_ = await uv.tool("tox", ["tox>=4", *requires])
    if isinstance(bin_, str):
        return bin_
    work = uv.made / "tox"
    common = ("--workdir", str(work))
    listed = await uv.run(str(bin_ / "tox"), "list", "--no-desc", "-q", *common, folder=folder, tools=bin_)
    names = [name for name in listed.output.split() if re.fullmatch(r"[\w.-]+", name)]
    for name in _tox_names(names, uv.interpreter.minor)[:_ASKED_MAX]:
        asked = ("-e", name, "--format", "json", "-k", "deps", "extras", "dependency_groups", "commands")
        answer = await uv.run(
            *("sh", "-c", '"$0" config "$@" -o "$CHANGELINE_OUT" >&2 && cat "$CHANGELINE_OUT"', str(bin_ / "tox"), *asked, *common),
            folder=folder, tools=bin_, variables={"CHANGELINE_OUT": str(uv.made / "tox.json")},
        )  # fmt: skip
        said = table(table(_last_object(answer.output), "env"), name)
        commands = " ".join(map(str, said.get("commands") or ()))
        if not _RUNS_TESTS.search(commands):
            continue
        if "poetry install" in commands:
            return None
        return TestDependencies(
            source=EnvironmentSource.TOX, name=name, why="tox runs the tests with it", lines=tuple(texts(said.get("deps"))),
            extras=tuple(texts(said.get("extras"))), groups=tuple(texts(said.get("dependency_groups"))),
        )  # fmt: skip
    return None if names else f"tox did not answer: {first_error(listed)}"


async def nox(uv: UvBuild, read: Manifest, folder: str) -> Found:
    """Let nox install the session that runs the tests; its environment becomes ours."""
    if read(inside(folder, "noxfile.py")) is None:
        return None
    uv.lay_tree()
    bin_ = await uv.tool("nox", ["nox"])
    if isinstance(bin_, str):
        return bin_
    answer = await uv.run(str(bin_ / "nox"), "--list", "--json", folder=folder, tools=bin_)
    sessions = [one for one in _last_list(answer.output) if _SESSION.fullmatch(str(one.get("name", "")))]
    sessions.sort(key=lambda one: (one.get("python") != uv.interpreter.minor, one.get("python") is not None))
    if not sessions:
        return None if answer.exit_code == 0 else f"nox did not answer: {first_error(answer)}"
    name = str(sessions[0].get("session"))
    if sessions[0].get("python") not in {None, uv.interpreter.minor}:
        return f"no session of nox is for Python {uv.interpreter.minor}"
    place = uv.made / "nox"
    done = await uv.run(
        str(bin_ / "nox"), "-s", name, "--install-only", "--default-venv-backend", "uv", "--envdir", str(place),
        "--non-interactive", "--no-error-on-missing-interpreters", folder=folder, online=True, tools=bin_,
    )  # fmt: skip
    venv = place / re.sub(r"[^\w-]", "-", name).strip("-")
    if done.exit_code != 0 or not (venv / "bin" / "python").exists():
        return f"nox could not install the session {name}: {first_error(done)}"
    return TestDependencies(source=EnvironmentSource.NOX, name=name, why="nox runs the tests with it", venv=venv)


async def hatch(uv: UvBuild, read: Manifest, folder: str) -> Found:
    """Return what the hatch environment that runs the tests installs."""
    tool = table(table(read_toml(read(inside(folder, "pyproject.toml"))), "tool"), "hatch")
    own = table(tool, "envs") or table(read_toml(read(inside(folder, "hatch.toml"))), "envs")
    if not own:
        return None
    uv.lay_tree()
    bin_ = await uv.tool("hatch", ["hatch"])
    if isinstance(bin_, str):
        return bin_
    answer = await uv.run(str(bin_ / "hatch"), "env", "show", "--json", folder=folder, tools=bin_)
    environments = {name: one for name, one in _last_object(answer.output).items() if isinstance(one, dict)}
    if not environments:
        return f"hatch did not answer: {first_error(answer)}"
    minor = uv.interpreter.minor

    def order(name: str) -> tuple[bool, bool, bool]:
        matches = name.startswith(f"hatch-test.py{minor}") or name.endswith(minor)
        return (not matches, name.partition(".")[0] not in TEST_NAMES, name != "default")

    for name in sorted(environments, key=order):
        said = environments[name]
        lines = [*texts(said.get("dependencies")), *texts(said.get("extra-dependencies"))]
        built_in = name.startswith("hatch-test") and "hatch-test" not in own
        if built_in or not _RUNS_TESTS.search(" ".join([json.dumps(said.get("scripts", {})), *lines])):
            continue
        return TestDependencies(
            source=EnvironmentSource.HATCH, name=name, why="hatch runs the tests with it", lines=tuple(lines),
            extras=tuple(texts(said.get("features"))), groups=tuple(texts(said.get("dependency-groups"))),
        )  # fmt: skip
    return None


async def poetry(uv: UvBuild, read: Manifest, folder: str) -> Found:
    """Return the group for tests, else that for development, in poetry-core's words."""
    said = await poetry_requirements(uv, read, folder)
    if said is None or isinstance(said, str):
        return said
    groups = table(said, "groups")
    tests = next((name for name in TEST_NAMES if name in groups), None)
    name = tests or next((name for name in WIDE_NAMES if name in groups), None)
    if name is None:
        return None
    # Files of requirements that poetry itself never reads would say less.
    return TestDependencies(
        source=EnvironmentSource.POETRY, name=name, why="poetry has this group", lines=tuple(texts(groups.get(name))),
        needed=tests is not None,
    )  # fmt: skip


async def poetry_requirements(uv: UvBuild, read: Manifest, folder: str) -> dict[str, Any] | str | None:
    """Return what `inside/read_poetry.py` says, or why it cannot; None for a project that is not poetry's."""
    own = table(table(read_toml(read(inside(folder, "pyproject.toml"))), "tool"), "poetry")
    if not (own.get("dependencies") or own.get("group") or own.get("dev-dependencies")):
        return None
    uv.lay_tree()
    bin_ = await uv.tool("poetry", ["poetry-core>=2"])
    if isinstance(bin_, str):
        return bin_
    if folder not in uv.poetry_said:
        answer = await uv.run(str(bin_ / "python"), "-I", str(uv.programs / "read_poetry.py"), ".", folder=folder)
        found = _last_object(answer.output)
        uv.poetry_said[folder] = found if "groups" in found else f"poetry-core could not read it: {first_error(answer)}"
    return uv.poetry_said[folder]


def program(name: str) -> str:
    """Return one of the programs that run inside."""
    return files("pipeline.adapters.environments.inside").joinpath(name).read_text()


def _has_tox(read: Manifest, folder: str) -> bool:
    if any(read(inside(folder, name)) is not None for name in ("tox.ini", "tox.toml")):
        settings = read_ini(read(inside(folder, "tox.ini")))
        # flake8 and pytest are configured in a tox.ini too
        return read(inside(folder, "tox.toml")) is not None or any(
            name.startswith(("tox", "testenv")) for name in settings
        )
    tool = table(read_toml(read(inside(folder, "pyproject.toml"))), "tool")
    return "tox" in tool or any(
        name.startswith(("tox", "testenv")) for name in read_ini(read(inside(folder, "setup.cfg")))
    )


def _tox_requires(read: Manifest, folder: str) -> list[str]:
    """Return the plugins that tox would otherwise install for itself, in an environment that it makes on the way."""
    content = b"".join(
        read(inside(folder, name)) or b"" for name in ("tox.ini", "tox.toml", "setup.cfg", "pyproject.toml")
    )
    said = read_ini(read(inside(folder, "tox.ini"))).get("tox", {}).get("requires", "").splitlines()
    toml = table(table(read_toml(read(inside(folder, "pyproject.toml"))), "tool"), "tox") or read_toml(
        read(inside(folder, "tox.toml"))
    )
    lines = [line.strip() for line in (*said, *texts(toml.get("requires"))) if re.match(r"\s*[A-Za-z0-9]", line)]
    wanted = [line for line in lines if not re.match(r"(tox|pip|setuptools|virtualenv)\b(?!-)", line)]
    if b"uv-venv" in content and not any(line.startswith("tox-uv") for line in wanted):
        wanted.append("tox-uv")
    return wanted


def _tox_names(names: Sequence[str], minor: str) -> list[str]:
    """Order the environments that could run the tests with this Python; what else they do is in their factors."""
    exact = (f"py{minor.replace('.', '')}", f"py{minor}", minor)
    found = []
    for name in names:
        parts = name.split("-")
        pythons = [part for part in parts if part in exact]
        rest = [part for part in parts if part not in (*exact, *_ANY_PYTHON)]
        if all(part in TEST_NAMES for part in rest) and (pythons or rest or parts[0] in _ANY_PYTHON):
            found.append(((not pythons, bool(rest)), name))
    return list(dict.fromkeys([*(name for _, name in sorted(found)), exact[0], "py"]))


def _last_object(output: str) -> dict[str, Any]:
    found = _last(output, "{")
    return found if isinstance(found, dict) else {}


def _last_list(output: str) -> list[dict[str, Any]]:
    found = _last(output, "[")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _last(output: str, opening: str) -> object:
    """Read the JSON that ends an output; tools write warnings before it."""
    for found in re.finditer(rf"(?m)^\{opening}", output):
        try:
            value: object = json.loads(output[found.start() :])
        except (ValueError, RecursionError):
            continue
        return value
    return None
