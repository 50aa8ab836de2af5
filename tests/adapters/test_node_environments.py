"""Real builds of Node environments. Those that need a registry are thorough; npm links workspaces without one."""

import json
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.adapters.environments.node_wants import unneeded
from pipeline.adapters.network.egress_proxy import EgressProxy
from pipeline.adapters.sandbox.bubblewrap import Bubblewrap
from pipeline.errors import PersonNeeded
from pipeline.limits import Limits
from pipeline.ports import Environment, EnvironmentSource, SandboxCommand, Stack
from pipeline.proof.test_runs import run_tests
from pipeline.settings.process import EnvironmentSettings, SandboxSettings
from tests.adapters.environment_world import environments, prepare, write

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="Node is not installed")

TEST = {"test": "node --test"}
TOTAL_TEST = (
    "import test from 'node:test'; import assert from 'node:assert'; import { total } from '../index.js';\n"
    "test('total', () => assert.equal(total([1, 2]), 3));\n"
)
APP = "import { add } from '@acme/core'; export const total = (xs) => xs.reduce(add, 0);\n"


def workspaces(link: str, *, core: str = "", **root: object) -> dict[str, str]:
    """Two packages, one of which imports the other by name; `core` begins the other's source."""
    package = {
        "name": "acme", "private": True, "type": "module", "workspaces": ["packages/*"],
        "scripts": {"test": "node --test"}, **root,
    }  # fmt: skip
    needs = {"bytes": "3.1.2"} if core else {}
    return {
        "package.json": json.dumps(package),
        "packages/core/package.json": json.dumps(
            {
                "name": "@acme/core",
                "version": "1.0.0",
                "type": "module",
                "exports": "./index.js",
                "dependencies": needs,
            }
        ),
        "packages/core/index.js": f"{core}export const add = (a, b) => a + b;\n",
        "packages/app/package.json": json.dumps(
            {"name": "@acme/app", "version": "1.0.0", "type": "module", "dependencies": {"@acme/core": link}}
        ),
        "packages/app/index.js": APP,
        "packages/app/test/total.test.js": TOTAL_TEST,
    }


async def with_registry(tree: Path) -> Bubblewrap:
    """Return a sandbox whose builds reach the registry; skips the test where nothing does."""
    settings = EnvironmentSettings()
    registry = next(host for host in settings.registries if "npm" in host)
    try:
        socket.create_connection((registry, 443), 5).close()
    except OSError:
        pytest.skip("the registry does not answer")
    bubblewrap = Bubblewrap(SandboxSettings(), EgressProxy(settings.registries), hidden=(tree.parent.parent,))
    assert (await bubblewrap.probe()).active
    return bubblewrap


async def looked(bubblewrap: Bubblewrap, tree: Path, environment: Environment, script: str, *, edits: bool) -> str:
    """Run a command in a tree as an agent's shell does, in one to change or to look at."""
    search = ":".join((*map(str, environment.path_in(tree)), "/usr/bin", "/bin"))
    result = await bubblewrap.run(
        SandboxCommand(
            argv=("sh", "-c", script), cwd=tree, writable=(tree,) if edits else (),
            read_only=environment.read_only if edits else (tree, *environment.read_only),
            mounts=environment.mounts_in(tree), scratch=environment.scratch_in(tree), environment={"PATH": search},
        )
    )  # fmt: skip
    return result.output


async def suite(bubblewrap: Bubblewrap, tree: Path, stack: Stack, environment: Environment) -> list[str]:
    """Return the tests that pass in a run of the pipeline's own."""
    report = await run_tests(
        stack=stack, tree=tree, environment=environment, sandbox=bubblewrap, selection=None,
        limits=Limits(test_timeout_s=60),
    )  # fmt: skip
    assert report.ok, (report.summary(), report.output_tail)
    return [case.test_id for case in report.cases]


async def test_workspaces_are_linked_in_the_pipelines_own_runs_as_in_a_shell(
    bubblewrap: Bubblewrap, tree: Path
) -> None:
    stack = write(tree, workspaces("*"))
    environment = await prepare(environments(bubblewrap, tree, EnvironmentSettings(offline=True)), tree, stack)
    assert await suite(bubblewrap, tree, stack, environment) == ["packages/app/test/total.test.js::total"]
    (tree / "packages/core/index.js").write_text("export const add = () => 3;\n")
    assert await suite(bubblewrap, tree, stack, environment), "the link leads to the tree's own source"
    assert "pass 1" in await looked(bubblewrap, tree, environment, "node --test", edits=True)


async def test_a_cache_within_node_modules_is_writable_and_gone_after_the_command(
    bubblewrap: Bubblewrap, tree: Path
) -> None:
    stack = write(tree, workspaces("*"))
    environment = await prepare(environments(bubblewrap, tree, EnvironmentSettings(offline=True)), tree, stack)
    script = "mkdir node_modules/.vite/deps && ls node_modules/.vite; touch node_modules/x 2>&1"
    for edits in (True, False):
        printed = await looked(bubblewrap, tree, environment, script, edits=edits)
        assert printed.startswith("deps\n"), printed
        assert "Read-only file system" in printed


async def test_a_tree_that_is_only_looked_at_shows_its_dependencies(bubblewrap: Bubblewrap, tree: Path) -> None:
    stack = write(tree, workspaces("*"))
    environment = await prepare(environments(bubblewrap, tree, EnvironmentSettings(offline=True)), tree, stack)
    assert not (tree / "node_modules").exists()
    printed = await looked(bubblewrap, tree, environment, "ls node_modules/@acme && cat package.json", edits=False)
    assert printed.startswith("app\ncore\n"), printed


async def test_a_linked_node_modules_of_a_build_is_not_shown(bubblewrap: Bubblewrap, tree: Path) -> None:
    """What a build step puts in place of `node_modules` could lead anywhere."""
    files = workspaces("*")
    secret = tree.parent.parent / "secret"
    secret.mkdir()
    stack = write(tree, {**files, ".npmrc": "install-links=false\n"})
    made = environments(bubblewrap, tree, EnvironmentSettings(offline=True))
    environment = await prepare(made, tree, stack)
    built = environment.tree_mounts["node_modules"]
    shutil.rmtree(built)
    built.symlink_to(secret)
    (environment.root / "environment.json").unlink()
    again = await prepare(made, tree, stack)
    assert again.tree_mounts["node_modules"].is_dir()
    assert not again.tree_mounts["node_modules"].is_symlink()


LOCKS: Mapping[str, tuple[dict[str, str], str]] = {
    "pnpm": (
        {
            "pnpm-workspace.yaml": "packages:\n  - packages/*\n",
            "pnpm-lock.yaml": (
                "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n  excludeLinksFromLockfile: false\n\n"
                "importers:\n\n  .: {}\n\n  packages/app:\n    dependencies:\n      '@acme/core':\n"
                "        specifier: workspace:*\n        version: link:../core\n\n  packages/core:\n    dependencies:\n"
                "      bytes:\n        specifier: 3.1.2\n        version: 3.1.2\n\npackages:\n\n  bytes@3.1.2:\n"
                "    resolution: {integrity: sha512-/Nf7TyzTx6S3yRJObOAV7956r8cr2+Oj8AC5dt8wSP3BQAoeX58NoHyCU8P8zGkNXStjTSi6fzO6F0pBdcYbEg==}\n"
                "    engines: {node: '>= 0.8'}\n\nsnapshots:\n\n  bytes@3.1.2: {}\n"
            ),
        },
        "workspace:*",
    ),
    "yarn 1": ({"yarn.lock": "# yarn lockfile v1\n"}, "1.0.0"),
    "yarn 4": ({"yarn.lock": "__metadata:\n  version: 8\n  cacheKey: 10c0\n"}, "workspace:*"),
    "bun": ({"bun.lock": '{"lockfileVersion": 1, "workspaces": {"": {"name": "acme"}}, "packages": {}}\n'}, "workspace:*"),
}  # fmt: skip


def test_what_scripts_for_tests_settings_and_sources_name_is_needed(tmp_path: Path) -> None:
    package = {
        "scripts": {"test": "c8 mocha", "lint": "eslint ."},
        "mocha": {"require": "tsx/cjs"},
        "devDependencies": dict.fromkeys(
            [
                "c8", "mocha", "tsx", "eslint", "@acme/eslint-config", "chai", "@types/chai", "@scope/used", "@types/scope__used",
                "typescript", "np", "proxy",
            ], "1"
        ),
    }  # fmt: skip
    write(tmp_path, {
        "package.json": json.dumps(package), "test/a.ts": "import { expect } from 'chai';\nconst used = require('@scope/used/deep');\n",
        "eslint.config.js": "import config from '@acme/eslint-config';\n", ".babelrc": '{"plugins": ["proxy"]}\n',
    })  # fmt: skip
    assert set(unneeded(package, tmp_path)) == {"eslint", "@acme/eslint-config", "np"}


@pytest.mark.thorough
async def test_development_dependencies_that_cannot_be_had_and_no_test_needs_are_left_out_and_said(tree: Path) -> None:
    bubblewrap = await with_registry(tree)
    wanted = {"bytes": "3.1.2", "is-number": "^999.0.0", "@changeline-nowhere/none": "^1.0.0"}
    files = {
        "package.json": json.dumps({"name": "acme", "scripts": TEST, "devDependencies": wanted}),
        "a.test.js": "require('bytes');\n",
    }
    environment = await prepare(environments(bubblewrap, tree, EnvironmentSettings()), tree, write(tree, files))
    left = {choice.name for choice in environment.choices if choice.source is EnvironmentSource.DEVELOPMENT}
    assert left == {"is-number", "@changeline-nowhere/none"}
    runner = {"scripts": {"test": "is-number test"}, "devDependencies": {"is-number": "^999.0.0"}}
    for needed in ({"scripts": TEST, "dependencies": {"is-number": "^999.0.0"}}, runner):
        stack = write(tree, {"package.json": json.dumps({"name": "acme", **needed})})
        with pytest.raises(PersonNeeded, match="No matching version found for is-number"):
            await prepare(environments(bubblewrap, tree, EnvironmentSettings()), tree, stack)


@pytest.mark.thorough
@pytest.mark.parametrize("manager", LOCKS)
async def test_each_manager_installs_and_links(tree: Path, manager: str) -> None:
    """Short form: `test_workspaces_are_linked_…` with npm, which needs no registry."""
    bubblewrap = await with_registry(tree)
    files, link = LOCKS[manager]
    stack = write(tree, {**workspaces(link, core="import bytes from 'bytes'; bytes('1kb');\n"), **files})
    environment = await prepare(environments(bubblewrap, tree, EnvironmentSettings()), tree, stack)
    assert await suite(bubblewrap, tree, stack, environment) == ["packages/app/test/total.test.js::total"]
    told = await looked(bubblewrap, tree, environment, f"command -v {manager.partition(' ')[0]}", edits=True)
    assert "manager" in told, "the manager itself is there for commands"
