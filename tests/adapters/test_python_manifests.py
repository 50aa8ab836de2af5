"""What Python repositories say about themselves, in each of the places where they do."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.adapters.environments.dependency_sources import (
    TestDependencies,
    for_development,
    named_for_tests,
    of_the_workspace,
    package_managers,
    requirements_files,
)
from pipeline.adapters.environments.interpreters import Interpreter, chosen, own_interpreter, wanted_python
from pipeline.adapters.environments.lock_files import locked_versions
from pipeline.adapters.environments.python_manifests import (
    Manifest,
    build_requirements,
    literal_requirements,
    project,
    project_folders,
)
from pipeline.ports import EnvironmentSource


def reader(files: Mapping[str, str]) -> Manifest:
    return {path: text.encode() for path, text in files.items()}.get


def first_source(files: Mapping[str, str], *, installed: bool = True) -> TestDependencies | None:
    read = reader(files)
    found = (
        *named_for_tests(read, "."),
        *requirements_files(read, ".", sorted(files), installed=installed),
        *package_managers(read, ".", installed=installed),
        *for_development(read, "."),
    )
    return found[0] if found else None


PROJECT = "[project]\nname='x'\nversion='1'\n"
GROUPS = "[dependency-groups]\ndocs=['sphinx']\ndev=[{include-group='Test_s'}]\n"
CONDA = "dependencies:\n- python=3.11\n- conda-forge::attrs>=22\n- pytorch=2\n- pip\n- pip:\n  - idna==3.7\n- libgdal\n- numpy=1.26.4=py311h1\n"


@pytest.mark.parametrize(
    ("files", "arguments", "extras"),
    [
        ({"pyproject.toml": f"{PROJECT}{GROUPS}tests=['a']\n"}, ["--group", "tests"], ()),
        ({"pyproject.toml": f"{PROJECT}{GROUPS}"}, ["--group", "dev"], ()),
        ({"pyproject.toml": f"{PROJECT}[project.optional-dependencies]\nall=['x[Test]']\nTest=['a']\n"}, [], ("Test",)),
        ({"setup.cfg": "[metadata]\nname=x\n[options.extras_require]\ntesting = c\ndocs = d\n"}, [], ("testing",)),
        ({"setup.cfg": "[metadata]\nname=x\n[options]\ntests_require =\n    a>1\n"}, ["a>1"], ()),
        ({"setup.py": "import setuptools\nsetuptools.setup(extras_require={'test': ['b']})\n"}, [], ("test",)),
        (
            {"requirements/test.txt": "a", "requirements/docs.txt": "sphinx", "pyproject.toml": PROJECT},
            ["-r", "requirements/test.txt"],
            (),
        ),
        ({"docs/requirements.txt": "sphinx", "pyproject.toml": PROJECT}, None, ()),
        ({"pyproject.toml": f"{PROJECT}[tool.pdm.dev-dependencies]\ntest=['a','-e file:///${{PROJECT_ROOT}}']\n"}, ["a"], ()),
        (
            {"Pipfile": "[packages]\na='*'\n[dev-packages]\nb={version='>=2',markers=\"python_version<'4'\"}\n"},
            ["a", "b>=2 ; python_version<'4'"],
            (),
        ),
        ({"setup.py": "T = ['a']\nX = {'Test': T}\nX['all'] = T + ['b']\nsetup(name='x', extras_require=X)\n"}, [], ("Test",)),
        ({"setup.py": "T = ['a'] + ['b']\nKW = dict(tests_require=T)\nsetup(name='x', **KW)\n"}, ["a", "b"], ()),
        ({"setup.py": "setup(extras_require={'test': open('t').read().split()})\n"}, [], ("test",)),
        ({"pyproject.toml": "[tool.setuptools.dynamic]\noptional-dependencies.test={file=['t.txt']}\n"}, [], ("test",)),
        ({"requirements/base.txt": "a", "requirements/local.txt": "b"}, ["-r", "requirements/local.txt"], ()),
        ({"requirements/requirements-dev.txt": "a"}, ["-r", "requirements/requirements-dev.txt"], ()),
        ({"requirements.docs.txt": "a", "requirements.test.txt": "b"}, ["-r", "requirements.test.txt"], ()),
        ({"environment.yml": CONDA}, ["attrs>=22", "torch==2.*", "idna==3.7", "numpy==1.26.4.*"], ()),
        (
            {"pyproject.toml": f"{PROJECT}[tool.pdm.dev-dependencies]\ntest=['-e file:///${{PROJECT_ROOT}}/sub#egg=s']\n"},
            ["-e", "./sub"],
            (),
        ),
        ({"Pipfile": "[packages]\na={path='libs/a', editable=true}\nb={path='.'}\nc={path='/etc'}\n"}, ["-e", "./libs/a"], ()),
        ({"pyproject.toml": f"{PROJECT}[tool.uv]\ndev-dependencies=['a', 'b>1']\n"}, ["a", "b>1"], ()),
        (
            {"pyproject.toml": f"{PROJECT}[dependency-groups]\nlint-tests=['x']\nunit-tests=['a']\n"},
            ["--group", "unit-tests"],
            (),
        ),
        ({"Pipfile": "x", "Pipfile.lock": '{"default": {"a": {"version": "==1"}}, "develop": {}}'}, ["a==1"], ()),
        ({"pyproject.toml": "[project\n", "setup.cfg": "nonsense", "setup.py": "def ("}, None, ()),
        ({"pyproject.toml": "[project]\ndependencies = 'a'\noptional-dependencies = 3\n"}, None, ()),
    ],
)  # fmt: skip
def test_the_place_that_says_what_tests_need(
    files: dict[str, str], arguments: list[str] | None, extras: tuple[str, ...]
) -> None:
    found = first_source(files)
    assert (found and found.arguments(), found.extras if found else ()) == (arguments, extras)


def test_a_folder_of_files_needs_its_plain_requirements_beside_those_of_its_tests() -> None:
    files = {"requirements.txt": "a", "requirements-test.txt": "b", "requirements-dev.txt": "c"}
    found = first_source(files, installed=False)
    assert found is not None
    assert found.arguments() == ["-r", "requirements.txt", "-r", "requirements-test.txt"]


def test_a_lock_that_is_all_there_is_names_what_is_needed() -> None:
    files = {"pylock.toml": "[[packages]]\nname='a'\nversion='1'\nmarker=\"python_version<'4'\"\n"}
    found = first_source(files, installed=False)
    assert found is not None and found.arguments() == ["a ; python_version<'4'"]
    assert first_source(files) is None


def test_members_of_a_workspace_without_a_word_need_what_its_root_names() -> None:
    root = "[tool.uv.workspace]\nmembers=['packages/*']\n[dependency-groups]\ndev=['a']\n"
    files = {"pyproject.toml": root, "packages/x/pyproject.toml": PROJECT}
    [found] = of_the_workspace(reader(files), "packages/x")
    assert found.arguments() == ["--group", "../../pyproject.toml:dev"]
    files["packages/x/pyproject.toml"] += "[dependency-groups]\ndev=['b']\n"
    assert [*of_the_workspace(reader(files), "packages/x"), *of_the_workspace(reader(files), ".")] == []


def test_lines_that_mean_the_project_itself_become_its_extras() -> None:
    lines = (".[a, b]", "-e .", "My_Own[c]", "-r more.txt", "-e ../other", "six", "--pre")
    wanted = TestDependencies(source=EnvironmentSource.TOX, name="py", why="", lines=lines)
    found = wanted.of_the_project("my-own")
    assert found.extras == ("a", "b", "c")
    assert found.arguments() == ["-r", "more.txt", "-e", "../other", "six"]


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        ({"pyproject.toml": PROJECT, "services/a/pyproject.toml": PROJECT}, (".",)),
        (
            {"pyproject.toml": "[tool.ruff]\n", "services/a/pyproject.toml": PROJECT, "b/setup.py": ""},
            ("b", "services/a"),
        ),
        ({"tests/data/pyproject.toml": PROJECT, "docs/setup.py": "", "setup.cfg": "[flake8]\n"}, ()),
        ({"pyproject.toml": "[tool.poetry]\nname='x'\npackage-mode=false\n"}, ()),
        ({"setup.cfg": "[metadata]\nname = x\n"}, (".",)),
    ],
)
def test_what_can_be_installed_is_found_by_its_manifests(files: dict[str, str], folders: tuple[str, ...]) -> None:
    assert project_folders(reader(files), sorted(files)) == folders


@pytest.mark.parametrize(
    ("files", "name", "version"),
    [
        ({"pyproject.toml": "[project]\nname='x'\nversion='1.2'\n"}, "x", "1.2"),
        ({"pyproject.toml": "[project]\nname='x'\ndynamic=['version']\n"}, "x", None),
        ({"pyproject.toml": "[tool.poetry]\nname='x'\nversion='1.2'\n"}, "x", "1.2"),
        ({"setup.cfg": "[metadata]\nname = x\nversion = attr: x.V\n"}, "x", None),
        ({"setup.py": "from setuptools import setup\nsetup(name='x', version='3')\n"}, "x", "3"),
        ({}, None, None),
    ],
)
def test_the_repositorys_own_name_and_version_are_read_when_they_are_literals(
    files: dict[str, str], name: str | None, version: str | None
) -> None:
    found = project(reader(files))
    assert (found.name, found.version) == (name, version)


def test_requirements_of_older_manifests_are_read_as_far_as_they_are_literals() -> None:
    files = {
        "setup.cfg": "[options]\ninstall_requires =\n    a\n    b>1 # why\n[options.extras_require]\ntest = c\ndocs = d\n",
        "setup.py": "setup(install_requires=['e'], extras_require={'test': ['f'], 'docs': ['g']})\n",
    }
    assert literal_requirements(reader(files), ".", ["test"]) == ["a", "b>1", "c", "f", "e"]
    assert literal_requirements(reader({"setup.py": "setup(install_requires=open('/etc/passwd'))"}), ".", []) == []
    assert build_requirements(reader({}), ".") == ["setuptools"]
    assert build_requirements(reader({"pyproject.toml": "[build-system]\nrequires=[]\n"}), ".") == []


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        (
            "uv.lock",
            (
                "[[package]]\nname='a'\nversion='1'\nsource={registry='x'}\n"
                "[[package]]\nname='own'\nversion='0'\nsource={editable='.'}\n"
            ),
            ["a==1"],
        ),
        (
            "poetry.lock",
            (
                "[[package]]\nname='a'\nversion='1'\nmarkers=\"python_version<'3.9'\"\n[[package]]\nname='a'\nversion='2'\n"
                "markers=\"python_version>='3.9'\"\n[[package]]\nname='g'\nversion='1'\n[package.source]\ntype='git'\n"
            ),
            ["a==1 ; python_version<'3.9'", "a==2 ; python_version>='3.9'"],
        ),
        ("pdm.lock", "[[package]]\nname='a'\nversion='1'\n[[package]]\nname='p'\nversion='2'\npath='./p'\n", ["a==1"]),
        ("pylock.toml", "[[packages]]\nname='a'\nversion='1'\n[[packages]]\nname='-r x'\nversion='2'\n", ["a==1"]),
        ("Pipfile.lock", '{"default": {"a": {"version": "==1"}}, "develop": {"b": {"git": "x"}}}', ["a==1"]),
    ],
)
def test_a_lock_gives_the_versions_that_come_from_an_index(name: str, text: str, lines: list[str]) -> None:
    assert locked_versions(reader({name: text}), "services/a") == (name, lines)


def machine(*versions: str) -> tuple[Interpreter, ...]:
    return tuple(Interpreter(executable=Path(f"/opt/{version}"), version=version) for version in versions)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "own"),
        ({"pyproject.toml": "[project]\nrequires-python='>= 3.8'\n"}, "own"),
        ({"pyproject.toml": "[project]\nrequires-python='>=3.98'\n"}, "3.99.2"),
        ({"pyproject.toml": "[project]\nrequires-python='<3.7'\n"}, "3.6.15"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython='~3.98 || ^3.99.1'\n"}, "3.99.2"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython='~3.98'\n"}, "3.98.1"),
        ({"setup.py": "setup(python_requires='>=3.98,<3.99')\n"}, "3.98.1"),
        ({"Pipfile": "[requires]\npython_version='3.98'\n"}, "3.98.1"),
        ({".python-version": "3.98\n"}, "3.98.1"),
        ({".python-version": "3.97\n"}, None),
        ({".python-version": "3.97\n", "pyproject.toml": "[project]\nrequires-python='>=3.8'\n"}, "own"),
        ({"pyproject.toml": "[project]\nrequires-python='>=4'\n"}, None),
    ],
)
def test_the_python_that_is_asked_for_is_taken_where_it_is(files: dict[str, str], expected: str | None) -> None:
    found = chosen(wanted_python(reader(files), ["."]), lambda: machine("3.6.15", "3.98.1", "3.99.2"))
    assert (found and found.version) == (own_interpreter().version if expected == "own" else expected)
