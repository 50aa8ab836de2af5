"""Environments of components: each has its own, whole trees stay visible, and one shell shows all of them."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.adapters.sandbox.bubblewrap import Bubblewrap
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.limits import Limits
from pipeline.ports import Environment, Sandbox
from pipeline.proof.test_reports import TestReport
from pipeline.proof.test_runs import run_tests
from pipeline.repositories.component_discovery import find_components
from pipeline.repositories.stacks import manifest_hash
from pipeline.settings.process import EnvironmentSettings
from pipeline.stage.prepared import Part, for_agents
from tests.adapters.environment_world import (
    WHEELS,
    Watched,
    environments,
    make_wheel,
    needs_wheels,
    read,
    run_in,
    write,
)


async def parts_of(bubblewrap: Sandbox, tree: Path, files: Mapping[str, str], wheels: Path | None = None) -> list[Part]:
    write(tree, files)
    made = environments(bubblewrap, tree, EnvironmentSettings(find_links=wheels, offline=True))
    found = find_components(sorted(files), lambda path: read(tree, path), test_command=None)
    return [
        Part(
            component=one,
            environment=await made.prepare(one.stack, tree, manifest_hash(one.stack, lambda path: read(tree, path))),
        )
        for one in found
    ]


async def suite(bubblewrap: Sandbox, tree: Path, part: Part) -> TestReport:
    return await run_tests(
        stack=part.stack, tree=tree, environment=part.environment, sandbox=bubblewrap, selection=None,
        limits=Limits(test_timeout_s=60),
    )  # fmt: skip


def service(name: str, version: str) -> dict[str, str]:
    test = f"import calc, pathlib, tinydep\n\n\ndef test_dep():\n    assert tinydep.VERSION == '{version}'\n    assert pathlib.Path('../../shared.txt').exists()\n"
    return {
        f"services/{name}/requirements.txt": f"tinydep=={version}\n",
        f"services/{name}/calc.py": "",
        f"services/{name}/test_calc.py": test,
    }


async def test_services_have_packages_of_their_own_and_one_shell_reaches_both(
    bubblewrap: Bubblewrap, tree: Path, tmp_path: Path
) -> None:
    for version in ("1.5", "2.0"):
        make_wheel(tmp_path / "wheels", "tinydep", version)
    files = {**service("api", "1.5"), **service("mail", "2.0"), "shared.txt": "x"}
    api, mail = await parts_of(bubblewrap, tree, files, tmp_path / "wheels")
    for part in (api, mail):
        report = await suite(bubblewrap, tree, part)
        assert report.ok, (report.summary(), report.output_tail)
        assert [case.test_id for case in report.cases] == [f"{part.root}/test_calc.py::test_dep"]
    shared = for_agents([api, mail], tree.parent.parent / "programs")
    said = "in-component {} python -c 'import tinydep; print(tinydep.VERSION)'"
    for root, version in (("services/api", "1.5"), ("services/mail", "2.0")):
        result = await run_in(bubblewrap, tree, shared, "sh", "-c", said.format(root))
        assert (result.exit_code, result.output) == (0, f"{version}\n")
    result = await run_in(bubblewrap, tree, shared, "in-component", "services/none", "true")
    assert (result.exit_code, "services/api, services/mail" in result.output) == (2, True)


@needs_wheels
async def test_a_library_beside_a_service_is_installed_so_that_its_edits_count(
    bubblewrap: Bubblewrap, tree: Path
) -> None:
    library = {
        "libs/core/pyproject.toml": '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n[project]\nname = "core"\nversion = "1"\n',
        "libs/core/core/__init__.py": "ONE = 1\n",
    }
    service = {
        "services/api/requirements.txt": "-e ../../libs/core\n",
        "services/api/tests/test_api.py": "import core\n\n\ndef test_one():\n    assert core.ONE == 1\n",
    }
    [api] = await parts_of(bubblewrap, tree, {**library, **service}, WHEELS)
    assert (api.root, (await suite(bubblewrap, tree, api)).ok) == ("services/api", True)
    (tree / "libs/core/core/__init__.py").write_text("ONE = 2\n")
    assert not (await suite(bubblewrap, tree, api)).ok


needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="Node is not installed")
TEST = "import test from 'node:test'; import assert from 'node:assert'; import {{ one }} from '{}';\ntest('one', () => assert.equal(one, 1));\n"


def package(name: str, imports: str, **more: object) -> dict[str, str]:
    said = {"name": f"@acme/{name}", "version": "1.0.0", "type": "module", "exports": "./index.js", **more}
    return {
        "package.json": json.dumps({**said, "scripts": {"test": "node --test"}}),
        "index.js": "export const one = 1;\n",
        "test/one.test.js": TEST.format(imports),
    }


def placed(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    return {f"{folder}/{path}": text for path, text in files.items()}


@needs_npm
async def test_a_front_end_in_a_folder_has_its_own_modules_and_a_library_beside_it(
    bubblewrap: Bubblewrap, tree: Path
) -> None:
    files = {
        "calc.py": "", "test_calc.py": "def test_it(): pass\n",
        **placed("ui", package("ui", "../index.js")),
        **placed("web", package("web", "@acme/ui", dependencies={"@acme/ui": "file:../ui"})),
    }  # fmt: skip
    top, ui, web = await parts_of(bubblewrap, tree, files)
    assert web.component.depends_on == ("ui",)
    for part in (top, ui, web):
        report = await suite(bubblewrap, tree, part)
        assert report.ok, (part.root, report.summary(), report.output_tail)
    (tree / "ui/index.js").write_text("export const one = 2;\n")
    assert not (await suite(bubblewrap, tree, web)).ok, "the link leads to the tree's own source"


@needs_npm
async def test_packages_of_a_workspace_share_what_it_installs(watched: Watched, tree: Path) -> None:
    files = {
        "package.json": json.dumps({"name": "acme", "private": True, "workspaces": ["packages/*"]}),
        **placed("packages/app", package("app", "@acme/core", dependencies={"@acme/core": "*"})),
        **placed("packages/core", package("core", "../index.js")),
    }
    app, core = await parts_of(watched, tree, files)
    assert app.environment.root == core.environment.root
    assert (app.environment.component, core.environment.component) == ("packages/app", "packages/core")
    report = await suite(watched, tree, app)
    assert report.ok, (report.summary(), report.output_tail)


def test_one_piece_needs_no_program_of_ours(tmp_path: Path) -> None:
    [only] = find_components(["test_a.py"], lambda _: b"def test_a(): pass\n", test_command=None)
    given = Environment(manifest_hash="0", root=tmp_path, read_only=(), path=())
    assert for_agents([Part(component=only, environment=given)], tmp_path / "programs") is given
    assert not (tmp_path / "programs").exists()


@needs_npm
async def test_a_node_that_is_too_old_is_named_before_anything_is_installed(watched: Watched, tree: Path) -> None:
    files = {**package("web", "../index.js", engines={"node": ">=99"}), ".nvmrc": "4\n"}
    with pytest.raises(
        PersonNeeded, match=r"needs Node >=99 \(engines in package.json\), and this machine has \d+\."
    ) as refused:
        await parts_of(watched, tree, files)
    assert refused.value.reason is PauseReason.ENVIRONMENT_FAILED
    assert "first on PATH" in str(refused.value.facts["remedy"])
    assert watched.commands == []
    [only] = await parts_of(watched, tree, {**files, **package("web", "../index.js")})
    assert [choice.why for choice in only.environment.choices if "needs Node 4 (.nvmrc)" in choice.why]
    pinned = {**package("web", "../index.js", engines={"node": ">=4"}, volta={"node": "99.1.0"}), ".nvmrc": "99\n"}
    [only] = await parts_of(watched, tree, pinned)
    told = [choice.why for choice in only.environment.choices if "needs Node 99" in choice.why]
    assert len(told) == 2, "what developers pin gives way to what the package supports"


@pytest.mark.skipif(shutil.which("go") is None, reason="needs go")
async def test_a_go_that_is_too_old_is_named_before_anything_is_run(watched: Watched, tree: Path) -> None:
    files = {
        "go.mod": "module example.test/acme\n\ngo 1.999.0\n",
        "a.go": "package acme\n",
        "a_test.go": "package acme\n",
    }
    with pytest.raises(PersonNeeded, match=r"needs Go 1.999.0 \(go.mod\), and this machine has \d+\.\d+") as told:
        await parts_of(watched, tree, files)
    assert told.value.reason is PauseReason.ENVIRONMENT_FAILED
    assert "first on PATH" in str(told.value.facts["remedy"])
    assert watched.commands == []


@pytest.mark.skipif(shutil.which("cargo") is None, reason="needs cargo")
async def test_a_runner_that_is_not_there_is_told_among_the_choices(watched: Watched, tree: Path) -> None:
    files = {"Cargo.toml": '[package]\nname = "acme"\n', "src/lib.rs": "", ".config/nextest.toml": ""}
    [only] = await parts_of(watched, tree, files)
    [choice] = only.environment.choices
    assert choice.name == "cargo nextest" and ".config/nextest.toml configures it" in choice.why
