"""Python repositories of many makes, built by their own tools from wheels in a directory; no index is ever asked."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.adapters.environments.interpreters import Interpreter
from pipeline.adapters.sandbox.bubblewrap import Bubblewrap
from pipeline.adapters.sandbox.uncontained import Uncontained
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.ports import Environment, EnvironmentSource
from pipeline.settings.process import EnvironmentSettings, SandboxSettings
from tests.adapters.environment_world import (
    WHEELS,
    Watched,
    environments,
    make_wheel,
    needs_wheels,
    prepare,
    run_in,
    write,
)

OFFLINE = EnvironmentSettings(find_links=WHEELS, offline=True)
ADD = "def add(a, b):\n    return a + b\n"
MOCKED = "def test_mock(mocker):\n    assert mocker.Mock()\n"


def taken(environment: Environment) -> dict[EnvironmentSource, str]:
    return {choice.source: choice.name for choice in environment.choices if choice.taken}


def left_out(environment: Environment) -> dict[EnvironmentSource, str]:
    return {choice.source: choice.why for choice in environment.choices if not choice.taken}


def another(tree: Path) -> Path:
    """A second tree of the same repository, as an agent or a test run gets it."""
    return Path(shutil.copytree(tree, tree.with_name("two"), symlinks=True))


COMPILED = {
    "pyproject.toml": (
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "acme"\nversion = "1"\n[project.scripts]\nacme = "acme.core:say"\n'
    ),
    "setup.py": (
        "from setuptools import Extension, setup\n"
        "setup(ext_modules=[Extension('acme._fast', ['src/acme/_fast.c'])], package_dir={'': 'src'}, packages=['acme'])\n"
    ),
    "src/acme/__init__.py": "from ._fast import one\n",
    "src/acme/core.py": "def say():\n    print('before')\n",
    "src/acme/_fast.c": (
        "#include <Python.h>\n"
        "static PyObject *one(PyObject *s, PyObject *a) { return PyLong_FromLong(1); }\n"
        'static PyMethodDef m[] = {{"one", one, METH_NOARGS, ""}, {0}};\n'
        'static struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "_fast", 0, -1, m};\n'
        "PyMODINIT_FUNC PyInit__fast(void) { return PyModule_Create(&d); }\n"
    ),
    "tests/test_core.py": "import acme\ndef test_one(): assert acme.one() == 1\n",
}


@needs_wheels
async def test_a_compiled_package_is_installed_once_and_edits_of_every_tree_count(watched: Watched, tree: Path) -> None:
    stack = write(tree, COMPILED)
    made = environments(watched, tree, OFFLINE)
    spare = another(tree)
    environment = await prepare(made, spare, stack, may_spoil=True)
    assert not (environment.root / "tree").exists()
    assert any(spare in command.writable for command in watched.commands)
    shutil.rmtree(spare)
    assert taken(environment)[EnvironmentSource.REPOSITORY] == "."
    built = len(watched.commands)
    assert await prepare(made, tree, stack) == environment
    assert len(watched.commands) == built
    assert {command.network.value for command in watched.commands} == {"none"}
    two = another(tree)
    before = sorted(two.rglob("*"))
    assert (await run_in(watched, two, environment, "acme")).output == "before\n"
    (two / "src/acme/core.py").write_text("from acme.new import say\n")
    (two / "src/acme/new.py").write_text("def say():\n    print('after')\n")
    assert (await run_in(watched, two, environment, "acme")).output == "after\n"
    result = await run_in(watched, two, environment, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "1 passed" in result.output, result.output
    assert sorted(two.rglob("*")) == sorted([*before, two / "src/acme/new.py"])
    assert (await run_in(watched, tree, environment, "acme")).output == "before\n"


async def test_an_edited_c_file_means_another_environment(tree: Path) -> None:
    assert "src/acme/_fast.c" in write(tree, COMPILED).manifests
    plain = {**COMPILED, "setup.py": "from setuptools import setup\nsetup()\n"}
    assert "src/acme/_fast.c" not in write(tree, plain).manifests


@pytest.mark.thorough
@needs_wheels
async def test_what_tox_alone_names_and_sets_is_there_also_where_it_hangs_on_a_second_factor(
    bubblewrap: Bubblewrap, tree: Path
) -> None:
    stack = write(
        tree,
        {
            "setup.cfg": "[metadata]\nname = acme-tox\nversion = 1.0\n[options]\npackage_dir =\n    =src\npackages = find:\n"
            "[options.packages.find]\nwhere = src\n",
            "setup.py": "from setuptools import setup\nsetup()\n",
            "tox.ini": "[tox]\nenvlist = lint, py{39,310}-{old,new}\n[testenv]\ndeps =\n    pytest\n    new: pytest-mock\n"
            "    old: no-such-thing\nsetenv =\n    ACME_MODE = test\n    PIP_X = y\n    PYTHONPATH = x\nallowlist_externals = make\n"
            "commands = make test\n[testenv:lint]\ndeps = no-such-linter\ncommands = lint\n",
            "src/acme_tox/core.py": ADD,
            "tests/test_core.py": f"from acme_tox.core import add\n{MOCKED}",
        },
    )
    environment = await prepare(environments(bubblewrap, tree, OFFLINE), tree, stack)
    assert taken(environment)[EnvironmentSource.TOX].endswith("-new")
    assert environment.variables["ACME_MODE"] == "test" and "PIP_X" not in environment.variables
    result = await run_in(bubblewrap, another(tree), environment, "pytest", "-q")
    assert "1 passed" in result.output, result.output


@needs_wheels
async def test_a_version_from_tags_is_what_git_says(bubblewrap: Bubblewrap, tree: Path) -> None:
    stack = write(
        tree,
        {
            "pyproject.toml": '[build-system]\nrequires = ["setuptools>=64", "setuptools-scm>=8"]\n'
            'build-backend = "setuptools.build_meta"\n[project]\nname = "acme-units"\ndynamic = ["version"]\n'
            '[tool.setuptools_scm]\nversion_file = "src/acme_units/_version.py"\n',
            "src/acme_units/__init__.py": "from ._version import __version__\n",
            "tests/test_version.py": "import acme_units, importlib.metadata\n"
            "def test_version():\n"
            "    assert acme_units.__version__ == importlib.metadata.version('acme-units') == '1.2.0'\n",
        },
    )
    for command in ("init -q", "add -A", "-c user.name=t -c user.email=t@example.test commit -qm x", "tag v1.2.0"):
        subprocess.run(["git", "-C", str(tree), *command.split()], check=True)
    environment = await prepare(environments(bubblewrap, tree, OFFLINE), tree, stack)
    two = another(tree)
    result = await run_in(bubblewrap, two, environment, "pytest", "-q")
    assert "1 passed" in result.output, result.output
    assert not (two / "src/acme_units/_version.py").exists()


POETRY = {
    "pyproject.toml": """
[tool.poetry]
name = "acme-cart"
version = "0.3.0"
description = "x"
authors = ["T <t@example.test>"]
packages = [{ include = "acme_cart", from = "lib" }]
[tool.poetry.dependencies]
python = "^3.10"
attrs = ">=22,<30"
idna = "^3.4 || ^2.10"
pywin32 = { version = "*", markers = "sys_platform == 'win32'" }
tomli = { version = "^2.0", python = "<3.11" }
[tool.poetry.group.test.dependencies]
pytest = ">=8"
pytest-mock = "^3.1"
[tool.poetry.group.lint.dependencies]
no-such-linter = "*"
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
""",
    "lib/acme_cart/core.py": "import attrs, idna\n" + ADD,
    "tests/test_core.py": f"from acme_cart.core import add\n{MOCKED}",
}


@pytest.mark.thorough
@needs_wheels
async def test_poetrys_own_words_are_understood(watched: Watched, tree: Path) -> None:
    stack = write(tree, POETRY)
    assert stack.source_roots == ("lib",)
    made = environments(watched, tree, OFFLINE)
    environment, other = await asyncio.gather(prepare(made, tree, stack), prepare(made, tree, stack))
    assert environment == other
    assert sum("--editable" in command.argv for command in watched.commands) == 1
    assert taken(environment)[EnvironmentSource.POETRY] == "test"
    assert taken(environment)[EnvironmentSource.REPOSITORY] == "."
    assert "+ pywin32" not in environment.log
    result = await run_in(watched, another(tree), environment, "pytest", "-q")
    assert "1 passed" in result.output, result.output


PACKAGE = (
    '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    '[project]\nname = "acme"\nversion = "1"\n[tool.hatch.build.targets.wheel]\npackages = ["code/acme"]\n'
)
NOXFILE = (
    "import nox\n@nox.session\ndef lint(session):\n    session.install('no-such-linter')\n"
    "@nox.session\n@nox.parametrize('mock', ['3.17.0', '3.1'])\ndef tests(session, mock):\n"
    "    session.install('.', 'pytest', f'pytest-mock=={mock}')\n    session.run('pytest')\n"
)
HATCH = (
    '[tool.hatch.envs.lint]\ndependencies = ["no-such-linter"]\n'
    '[tool.hatch.envs.test]\ndependencies = ["pytest-mock", "pytest"]\n[tool.hatch.envs.test.scripts]\nrun = "pytest"\n'
)


@needs_wheels
@pytest.mark.parametrize(
    ("source", "files"),
    [
        (EnvironmentSource.NOX, {"pyproject.toml": PACKAGE, "noxfile.py": NOXFILE}),
        pytest.param(EnvironmentSource.HATCH, {"pyproject.toml": PACKAGE + HATCH}, marks=pytest.mark.thorough),
    ],
)
async def test_a_session_of_nox_or_an_environment_of_hatch_is_used(
    bubblewrap: Bubblewrap, tree: Path, source: EnvironmentSource, files: dict[str, str]
) -> None:
    """The short form of hatch is nox's, which asks a tool in the same way."""
    code = {"code/acme/core.py": ADD, "code/acme/__init__.py": "", "tests/test_core.py": f"import acme.core\n{MOCKED}"}
    stack = write(tree, {**code, **files})
    assert "code" in stack.source_roots
    environment = await prepare(environments(bubblewrap, tree, OFFLINE), tree, stack)
    assert source in taken(environment), environment.log
    result = await run_in(bubblewrap, another(tree), environment, "pytest", "-q")
    assert "1 passed" in result.output, result.output


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Two versions of one package, and one that nothing can satisfy."""
    directory = tmp_path / "wheels"
    make_wheel(directory, "tinydep", "1.4")
    make_wheel(directory, "tinydep", "1.5")
    make_wheel(directory, "broken", "1.0", "no-such-thing>=9")
    return directory


async def test_locked_versions_are_installed_and_a_stale_lock_is_said_to_be_left_out(
    bubblewrap: Bubblewrap, tree: Path, wheels: Path
) -> None:
    settings = EnvironmentSettings(find_links=wheels, offline=True)
    files = {
        "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n[dependency-groups]\ntest = ["tinydep"]\nlint = ["nothing"]\n',
        "uv.lock": 'version = 1\n[[package]]\nname = "tinydep"\nversion = "1.4"\nsource = { registry = "https://x" }\n',
        "test_it.py": "import tinydep\ndef test_it(): assert tinydep.VERSION == '1.4'\n",
    }
    environment = await prepare(environments(bubblewrap, tree, settings), tree, write(tree, files))
    assert taken(environment)[EnvironmentSource.LOCK] == "uv.lock"
    assert "1 passed" in (await run_in(bubblewrap, tree, environment, "pytest", "-q")).output
    files["uv.lock"] = files["uv.lock"].replace("1.4", "0.1")
    environment = await prepare(environments(bubblewrap, tree, settings), tree, write(tree, files))
    assert "tinydep==0.1" in left_out(environment)[EnvironmentSource.LOCK]
    assert taken(environment)[EnvironmentSource.GROUP] == "test"


async def test_what_tests_need_must_resolve_and_what_developers_like_need_not(
    bubblewrap: Bubblewrap, tree: Path, wheels: Path
) -> None:
    settings = EnvironmentSettings(find_links=wheels, offline=True)
    project = '[project]\nname = "x"\nversion = "1"\ndependencies = ["tinydep"]\n'
    files = {
        "pyproject.toml": f'{project}[dependency-groups]\ndev = ["broken"]\n',
        "test_it.py": "import tinydep\ndef test_it(): pass\n",
    }
    environment = await prepare(environments(bubblewrap, tree, settings), tree, write(tree, files))
    assert "no-such-thing" in left_out(environment)[EnvironmentSource.GROUP]
    assert "1 passed" in (await run_in(bubblewrap, tree, environment, "pytest", "-q")).output
    files["pyproject.toml"] = f'{project}[project.optional-dependencies]\ntest = ["broken"]\n'
    with pytest.raises(PersonNeeded) as caught:
        await prepare(environments(bubblewrap, tree, settings), tree, write(tree, files))
    assert caught.value.reason is PauseReason.ENVIRONMENT_FAILED
    assert "no-such-thing" in caught.value.message
    assert "/" not in caught.value.message


@pytest.mark.thorough
@needs_wheels
async def test_a_back_end_that_fails_leaves_the_dependencies_and_says_why(bubblewrap: Bubblewrap, tree: Path) -> None:
    stack = write(
        tree,
        {
            "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
            '[project]\nname = "acme"\nversion = "1"\ndependencies = ["idna"]\n',
            "setup.py": "raise RuntimeError('the licence file is missing')\n",
            "src/acme/__init__.py": "import idna\n",
            "test_acme.py": "import acme, importlib.metadata\ndef test_it(): importlib.metadata.version('acme')\n",
        },
    )
    environment = await prepare(environments(bubblewrap, tree, OFFLINE), tree, stack)
    assert "the licence file is missing" in left_out(environment)[EnvironmentSource.REPOSITORY]
    assert environment.tree_at is None
    assert "1 passed" in (await run_in(bubblewrap, tree, environment, "pytest", "-q")).output


@pytest.mark.thorough
@needs_wheels
async def test_a_setup_that_imports_what_its_requirements_name_is_built_beside_them(
    bubblewrap: Bubblewrap, tree: Path, wheels: Path
) -> None:
    for wheel in WHEELS.glob("setuptools-*.whl"):
        shutil.copy(wheel, wheels)
    files = {
        "setup.py": "from setuptools import setup\nimport acme\nsetup(name='acme', version=acme.VERSION, packages=['acme'])\n",
        "acme/__init__.py": "from tinydep import VERSION\n",
        "requirements.txt": "tinydep==1.4\n",
        "tests/test_it.py": "import importlib.metadata\ndef test_it(): assert importlib.metadata.version('acme') == '1.4'\n",
    }
    settings = EnvironmentSettings(find_links=wheels, offline=True)
    environment = await prepare(environments(bubblewrap, tree, settings), tree, write(tree, files))
    assert taken(environment)[EnvironmentSource.REPOSITORY] == ".", environment.log
    assert "1 passed" in (await run_in(bubblewrap, another(tree), environment, "pytest", "-q")).output


async def test_offline_without_wheels_the_files_are_used_as_they_are(bubblewrap: Bubblewrap, tree: Path) -> None:
    files = {**COMPILED, "tox.ini": "[testenv]\ncommands = pytest\n"}
    environment = await prepare(environments(bubblewrap, tree), tree, write(tree, files))
    assert "offline" in left_out(environment)[EnvironmentSource.REPOSITORY]
    assert "offline" in left_out(environment)[EnvironmentSource.TOX]


@pytest.mark.thorough
async def test_an_index_that_cannot_be_reached_stops_the_build_instead_of_leaving_the_repository_out(
    bubblewrap: Bubblewrap, tree: Path
) -> None:
    stack = write(tree, COMPILED)
    with pytest.raises(PersonNeeded) as caught:
        await prepare(environments(bubblewrap, tree, EnvironmentSettings(registries=())), tree, stack)
    index = EnvironmentSettings().registries[0]
    assert "Failed to build `acme" in caught.value.message and f"{index} cannot be reached" in caught.value.message
    assert f"If {index} is meant" in str(caught.value.facts["remedy"])
    assert not list((tree.parent.parent / "environments").glob("*/environment.json"))


async def test_uncontained_no_tree_has_another_path_than_its_own(tree: Path) -> None:
    sandbox = Uncontained(SandboxSettings(), "a test")
    files = {
        "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n',
        "src/x/__init__.py": "",
        "test_x.py": "import x\ndef test_x(): pass\n",
    }
    environment = await prepare(environments(sandbox, tree, OFFLINE), tree, write(tree, files))
    assert environment.tree_at is None
    assert "uncontained" in left_out(environment)[EnvironmentSource.REPOSITORY]
    assert "1 passed" in (await run_in(sandbox, tree, environment, "pytest", "-q")).output


async def test_services_in_folders_are_installed_each_by_what_it_says(
    bubblewrap: Bubblewrap, tree: Path, wheels: Path
) -> None:
    files = {}
    for name in ("billing", "shipping"):
        at = f"services/{name}"
        files[f"{at}/pyproject.toml"] = (
            f'[project]\nname = "{name}"\nversion = "1"\n[project.optional-dependencies]\ntest = ["tinydep"]\n'
        )
        files[f"{at}/src/{name}/__init__.py"] = "import tinydep\n"
        files[f"{at}/tests/test_{name}.py"] = f"import {name}\ndef test_it(): pass\n"
    files["tests/data/sample/pyproject.toml"] = (
        '[project]\nname = "sample"\nversion = "1"\ndependencies = ["nothing"]\n'
    )
    stack = write(tree, files)
    assert stack.source_roots[:2] == ("services/billing/src", "services/billing")
    settings = EnvironmentSettings(find_links=wheels, offline=True)
    environment = await prepare(environments(bubblewrap, tree, settings), tree, stack)
    used = [choice.name for choice in environment.choices if choice.source is EnvironmentSource.EXTRA]
    assert used == ["services/billing: test", "services/shipping: test"]
    assert "2 passed" in (await run_in(bubblewrap, tree, environment, "pytest", "-q")).output


async def test_a_python_that_is_not_there_is_named_with_the_ones_that_are(bubblewrap: Bubblewrap, tree: Path) -> None:
    stack = write(
        tree, {"pyproject.toml": '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.99"\n', "test_x.py": ""}
    )
    others = (Interpreter(executable=Path("/opt/python3.98"), version="3.98.1"),)
    with pytest.raises(PersonNeeded) as caught:
        await prepare(environments(bubblewrap, tree, interpreters=lambda: others), tree, stack)
    assert caught.value.reason is PauseReason.ENVIRONMENT_FAILED
    assert "needs Python >=3.99 (pyproject.toml), found " in caught.value.message
    assert "3.98.1; install it or allow downloads" in caught.value.message


async def test_a_python_that_cannot_be_fetched_says_why(bubblewrap: Bubblewrap, tree: Path, tmp_path: Path) -> None:
    stack = write(tree, {".python-version": "3.99\n", "test_x.py": "", "requirements.txt": ""})
    settings = EnvironmentSettings(python_downloads=True, registries=())
    with pytest.raises(PersonNeeded) as caught:
        await prepare(environments(bubblewrap, tree, settings, interpreters=tuple), tree, stack)
    assert "needs Python 3.99 (.python-version), and 3.99 cannot be fetched" in caught.value.message
