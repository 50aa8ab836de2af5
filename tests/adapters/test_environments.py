"""Real builds of dependency environments; wheels are made here, and no index is ever asked."""

import asyncio
import json
import os
import py_compile
import runpy
import shutil
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from pipeline.adapters.environments.beside_installation import compile_for_runs
from pipeline.adapters.environments.package_indexes import package_indexes
from pipeline.adapters.sandbox.bubblewrap import Bubblewrap
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.ports import Stack
from pipeline.settings.process import EnvironmentSettings
from tests.adapters.environment_world import Watched, environments, find, make_wheel, prepare, run_in, write


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A directory of wheels, as an operator without an index has it."""
    directory = tmp_path / "wheels"
    make_wheel(directory, "tinydep", "1.5")
    return directory


PLAIN = {
    "pyproject.toml": '[project]\nname = "my-shop"\nversion = "1.2"\n[project.scripts]\nshop = "shop:main"\n',
    "src/shop/__init__.py": "import importlib.metadata\nVERSION = importlib.metadata.version('my-shop')\n",
    "tests/test_shop.py": (
        "import importlib.metadata, subprocess, sys\n"
        "import shop\n"
        "def test_version(): assert shop.VERSION == '1.2'\n"
        "def test_script():\n"
        "    assert importlib.metadata.entry_points(group='console_scripts', name='shop')\n"
        "def test_child(tmp_path):\n"
        "    assert subprocess.run([sys.executable, '-c', 'import shop'], cwd=tmp_path).returncode == 0\n"
    ),
}


async def test_a_repository_without_dependencies_runs_its_tests_without_any_network(
    watched: Watched, tree: Path
) -> None:
    stack = write(tree, PLAIN)
    environment = await prepare(environments(watched, tree), tree, stack)
    for command in (("pytest", "-q"), ("python", "-m", "pytest", "-q")):
        result = await run_in(watched, tree, environment, *command)
        assert result.exit_code == 0, result.output
        assert "3 passed" in result.output
    assert {command.network.value for command in watched.commands} == {"none"}
    assert list(tree.rglob("__pycache__")) == []


async def test_an_environment_cannot_be_changed_by_those_who_use_it(bubblewrap: Bubblewrap, tree: Path) -> None:
    stack = write(tree, PLAIN)
    environment = await prepare(environments(bubblewrap, tree), tree, stack)
    venv = environment.root / "made" / "venv"
    script = f"touch {environment.root}/x {venv}/x {venv}/bin/x; rm -rf {venv}"
    await run_in(bubblewrap, tree, environment, "sh", "-c", script)
    assert list(environment.root.rglob("x")) == []
    assert (await run_in(bubblewrap, tree, environment, "pytest", "-q")).exit_code == 0


async def test_declared_dependencies_come_from_the_operators_wheels(
    bubblewrap: Bubblewrap, tree: Path, wheels: Path
) -> None:
    manifests = {
        "pyproject.toml": "[project]\nname='x'\nversion='1'\ndependencies=['tinydep>=1']\n",
        "requirements-dev.txt": "-e .\n",
    }
    code = {"use.py": "import tinydep\n", "test_use.py": "import use\ndef test_it(): assert use.tinydep.ANSWER == 42\n"}
    stack = write(tree, {**manifests, **code})
    settings = EnvironmentSettings(find_links=wheels, offline=True)
    environment = await prepare(environments(bubblewrap, tree, settings), tree, stack)
    assert " + tinydep==1.5" in environment.log
    result = await run_in(bubblewrap, tree, environment, "pytest", "-q")
    assert "1 passed" in result.output, result.output


async def test_a_failed_build_says_what_failed_and_what_to_do(bubblewrap: Bubblewrap, tree: Path, wheels: Path) -> None:
    stack = write(tree, {"requirements.txt": "nosuchpackage==9\n", "test_a.py": "import pytest\n"})
    settings = EnvironmentSettings(find_links=wheels, offline=True)
    with pytest.raises(PersonNeeded) as caught:
        await prepare(environments(bubblewrap, tree, settings), tree, stack)
    assert caught.value.reason is PauseReason.ENVIRONMENT_FAILED
    assert "nosuchpackage" in str(caught.value.facts["log_tail"])
    assert "nosuchpackage" in caught.value.message and "/" not in caught.value.message.partition(":")[0]
    assert str(caught.value.facts["command"]).startswith("uv pip install"), "a program by its name, not by its place"
    assert "FIND_LINKS" in str(caught.value.facts["remedy"])
    logs = list((tree.parent.parent / "environments").glob("*.log"))
    assert len(logs) == 1
    assert "nosuchpackage" in logs[0].read_text()


async def test_a_failed_build_is_tried_again_and_then_used(bubblewrap: Bubblewrap, tree: Path, wheels: Path) -> None:
    stack = write(tree, {"requirements.txt": "tinydep\n", "test_a.py": "import tinydep\ndef test_a(): pass\n"})
    away = wheels.rename(wheels.with_name("away"))
    wheels.mkdir()
    made = environments(bubblewrap, tree, EnvironmentSettings(find_links=wheels, offline=True))
    with pytest.raises(PersonNeeded):
        await prepare(made, tree, stack)
    shutil.copytree(away, wheels, dirs_exist_ok=True)
    environment = await prepare(made, tree, stack)
    assert (await run_in(bubblewrap, tree, environment, "pytest", "-q")).exit_code == 0


async def test_an_environment_is_built_once_and_shared_by_all_who_ask_at_the_same_time(
    watched: Watched, tree: Path
) -> None:
    stack = write(tree, PLAIN)
    assert await find(environments(watched, tree), tree, stack) is None
    first, *others = await asyncio.gather(*(prepare(environments(watched, tree), tree, stack) for _ in range(4)))
    assert all(other == first for other in others)
    assert await find(environments(watched, tree), tree, stack) == first
    assert len(watched.commands) == 1
    assert await prepare(environments(watched, tree), tree, stack) == first
    assert len(watched.commands) == 1


async def test_an_unfinished_build_is_thrown_away(watched: Watched, tree: Path) -> None:
    stack = write(tree, PLAIN)
    first = await prepare(environments(watched, tree), tree, stack)
    (first.root / "environment.json").unlink()
    (first.root / "half").write_text("from a builder that was killed")
    again = await prepare(environments(watched, tree), tree, stack)
    assert again.root == first.root
    assert not (first.root / "half").exists()
    assert len(watched.commands) == 2


async def test_other_manifests_get_another_environment(bubblewrap: Bubblewrap, tree: Path) -> None:
    made = environments(bubblewrap, tree)
    first = await prepare(made, tree, write(tree, PLAIN))
    second = await prepare(made, tree, write(tree, {**PLAIN, "pyproject.toml": '[project]\nname="b"\nversion="2"\n'}))
    assert first.root != second.root


async def test_a_manifest_that_is_a_link_out_of_the_repository_is_not_read(
    bubblewrap: Bubblewrap, tree: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary-package==1\n")
    (tree / "requirements.txt").symlink_to(secret)
    stack = write(tree, {"test_a.py": "import pytest\ndef test_a(): pass\n", "requirements-test.txt": ""})
    stack = Stack(
        language=stack.language,
        runner=stack.runner,
        test_command=stack.test_command,
        manifests=("requirements.txt",),
        source_roots=(".",),
    )
    environment = await environments(bubblewrap, tree).prepare(stack, tree, "0" * 64)
    assert "canary" not in environment.log
    assert "pip install" not in environment.log


async def test_builds_run_without_secrets_and_outside_the_repository(
    watched: Watched, tree: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:canary@index.example/simple")
    stack = write(tree, {"requirements.txt": "tinydep\n", "test_a.py": "import pytest\n"})
    await prepare(environments(watched, tree, EnvironmentSettings(find_links=wheels, offline=True)), tree, stack)
    for command in watched.commands:
        assert tree not in command.writable
        assert "canary" not in json.dumps([*command.argv, *command.environment.values()])


@pytest.mark.skipif(shutil.which("npm") is None, reason="Node is not installed")
async def test_node_modules_appear_in_the_tree_for_commands_and_not_for_git(bubblewrap: Bubblewrap, tree: Path) -> None:
    package = {
        "name": "app",
        "type": "module",
        "scripts": {"test": "node --test"},
        "dependencies": {"tiny": "file:tiny"},
    }
    stack = write(
        tree,
        {
            "package.json": json.dumps(package),
            "tiny/package.json": json.dumps({"name": "tiny", "version": "1.0.0", "main": "index.js"}),
            "tiny/index.js": "module.exports = 42\n",
            "app.test.js": "import test from 'node:test'; import tiny from 'tiny'; test('it', () => { if (tiny !== 42) throw 1 })\n",
        },
    )
    environment = await prepare(environments(bubblewrap, tree, EnvironmentSettings(offline=True)), tree, stack)
    assert list(environment.tree_mounts) == ["node_modules"]
    result = await run_in(bubblewrap, tree, environment, "npm", "test")
    assert result.exit_code == 0, result.output
    assert (await run_in(bubblewrap, tree, environment, "touch", "node_modules/x")).exit_code != 0
    assert list((tree / "node_modules").iterdir()) == []


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
async def test_a_node_repository_without_dependencies_needs_no_step(watched: Watched, tree: Path) -> None:
    stack = write(tree, {"package.json": '{"scripts": {"test": "node --test"}}', "a.test.js": "require('node:test')\n"})
    environment = await prepare(environments(watched, tree), tree, stack)
    assert watched.commands == []
    assert (await run_in(watched, tree, environment, "npm", "test")).exit_code == 0


async def test_a_missing_toolchain_is_named(
    bubblewrap: Bubblewrap, tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stack = write(tree, {"go.mod": "module x\n", "a.go": "package x\n"})
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PersonNeeded) as caught:
        await prepare(environments(bubblewrap, tree), tree, stack)
    assert caught.value.reason is PauseReason.ENVIRONMENT_FAILED
    assert "go" in caught.value.message


def test_pips_own_configuration_is_honoured_without_secrets(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror" / "simple"
    mirror.mkdir(parents=True)
    config = tmp_path / "pip.conf"
    config.write_text(
        f"[global]\nindex-url = https://index.example/simple\nextra-index-url = file://{mirror}\nproxy = http://u:p@x\n"
    )
    found = package_indexes(EnvironmentSettings(), (config,))
    assert found.variables == {
        "UV_DEFAULT_INDEX": "https://index.example/simple",
        "UV_EXTRA_INDEX_URL": f"file://{mirror}",
    }
    assert found.shown == (mirror.parent,)
    offline = package_indexes(EnvironmentSettings(offline=True), (config,))
    assert (offline.variables, offline.shown) == ({"UV_OFFLINE": "1"}, ())
    config.write_text("[global]\nindex-url = https://user:canary@index.example/simple\n")
    with pytest.raises(PersonNeeded) as caught:
        package_indexes(EnvironmentSettings(), (config,))
    assert "canary" not in str(caught.value.facts) + caught.value.message


def test_what_python_made_of_our_own_pytest_is_taken_while_it_is_current(tmp_path: Path) -> None:
    ours, placed = tmp_path / "ours.py", tmp_path / "placed.py"
    ours.write_text("VALUE = 'as Python keeps it'\n")
    py_compile.compile(str(ours))
    text, made = "VALUE = 'a later, same size'\n", ours.stat()
    assert len(text) == made.st_size
    for later, value in ((0, "as Python keeps it"), (1, "a later, same size")):
        for file in (ours, placed):
            file.write_text(text)
            os.utime(file, (made.st_atime, made.st_mtime + later))
        compile_for_runs(placed, minor=f"{sys.version_info.major}.{sys.version_info.minor}", like=ours)
        assert runpy.run_path(cache_from_source(str(placed)))["VALUE"] == value


def test_what_python_kept_of_our_own_pytest_and_nobody_else_may_read_is_made_anew(tmp_path: Path) -> None:
    ours, placed = tmp_path / "kept/ours.py", tmp_path / "placed.py"
    ours.parent.mkdir()
    for file in (ours, placed):
        file.write_text("VALUE = 1\n")
    Path(cache_from_source(str(ours))).mkdir(parents=True)  # unreadable for every user, root too
    compile_for_runs(placed, minor=f"{sys.version_info.major}.{sys.version_info.minor}", like=ours)
    assert runpy.run_path(cache_from_source(str(placed)))["VALUE"] == 1
