"""What Python repositories declare, in each of the places where they do."""

import pytest

from pipeline.adapters.environments.python_manifests import Project, constraints, declared, project


def requirements(files: dict[str, str]) -> list[str]:
    contents = {path: text.encode() for path, text in files.items()}
    return declared(contents.get, sorted(contents))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"requirements.txt": "-e .\n./local\n# note\nsix  # why\n--index-url https://x\n-c c.txt\n"}, ["six"]),
        ({"requirements.txt": "a==1 \\\n  --hash=sha256:00\n"}, ["a==1"]),
        (
            {"requirements-dev.txt": "-r deps/base.txt\nb\n", "deps/base.txt": "a\n-r ../requirements-dev.txt\n"},
            ["a", "b"],
        ),
        ({"requirements/test.txt": "a\n", "requirements/docs.txt": "sphinx\n"}, ["a"]),
        ({"requirements.txt": "x @ file:///etc/passwd\nx @ https://h/x.whl\n"}, ["x @ https://h/x.whl"]),
        ({"pyproject.toml": "[project]\nname='x'\ndependencies=['a>=1']\n"}, ["a>=1"]),
        (
            {
                "pyproject.toml": "[project]\nname='x'\n[project.optional-dependencies]\nall=['x[test]']\ntest=['a','x[c]']\n"
            },
            ["a"],
        ),
        (
            {"pyproject.toml": "[dependency-groups]\ndev=[{include-group='test'},'b']\ntest=['a']\ndocs=['s']\n"},
            ["a", "b"],
        ),
        ({"pyproject.toml": "[dependency-groups]\ndev=[{include-group='test'}]\ntest=[{include-group='dev'}]\n"}, []),
        (
            {
                "pyproject.toml": "[tool.poetry.dependencies]\npython='^3.11'\na='^1.4'\nb='~2.1.3'\nc='*'\nd={path='.'}\ne='^0.2'\n"
            },
            ["a>=1.4,<2", "b>=2.1.3,<2.2", "c", "e>=0.2,<0.3"],
        ),
        ({"pyproject.toml": "[tool.poetry.group.test.dependencies]\na='1.0'\n"}, ["a==1.0"]),
        (
            {
                "setup.cfg": "[options]\ninstall_requires =\n    a\n    b>1\n[options.extras_require]\ntest = c\ndocs = d\n"
            },
            ["a", "b>1", "c"],
        ),
        (
            {
                "setup.py": "import setuptools\nsetuptools.setup(name='x', install_requires=['a'], extras_require={'dev': ['b'], 'd': ['c']})\n"
            },
            ["a", "b"],
        ),
        ({"setup.py": "from setuptools import setup\nsetup(install_requires=open('/etc/passwd').read())\n"}, []),
        (
            {"pyproject.toml": "[project\n", "setup.cfg": "nonsense", "setup.py": "def (", "requirements.txt": "\xff"},
            ["\xff"],
        ),
        ({"pyproject.toml": "[project]\ndependencies = 'a'\noptional-dependencies = 3\n"}, []),
    ],
)
def test_declared_requirements_are_read_from_each_place(files: dict[str, str], expected: list[str]) -> None:
    assert requirements(files) == expected


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
    contents = {path: text.encode() for path, text in files.items()}
    found = project(contents.get)
    assert (found.name, found.version) == (name, version)
    assert isinstance(found, Project)


def test_constraints_are_those_that_requirements_name() -> None:
    files = {"requirements.txt": "-c pins/all.txt\na\n", "pins/all.txt": "a==1\n", "constraints.txt": "a==2\n"}
    contents = {path: text.encode() for path, text in files.items()}
    assert constraints(contents.get, sorted(contents)) == ["a==1"]
