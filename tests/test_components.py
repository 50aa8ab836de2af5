"""Which components `find_components` finds in file lists, without touching a disk."""

import pytest

from pipeline.errors import CallerError
from pipeline.proof.component_sources import source_paths
from pipeline.proof.owners import owner_of
from pipeline.proof.path_globs import matches_any
from pipeline.repositories.component_discovery import COMPONENTS_MAX, find_components
from pipeline.repositories.components import (
    Aspect,
    Component,
    own_modules,
    source_places,
    touched_by,
    with_dependencies,
    with_dependents,
)
from pipeline.repositories.stacks import detect, is_test_file, module_names

Tree = dict[str, str]
PY = '[project]\nname = "{}"\nversion = "1"\n'
SCRIPT = '{"name": "%s", "scripts": {"test": "%s"}}'


def found(tree: Tree, test_command: str | None = None) -> tuple[Component, ...]:
    contents = {path: text.encode() for path, text in tree.items()}
    return find_components(sorted(contents), contents.get, test_command=test_command)


def roots(tree: Tree, test_command: str | None = None) -> list[tuple[str, str]]:
    return [(one.root, one.stack.runner) for one in found(tree, test_command)]


def python(root: str, *, at_root: str = "") -> Tree:
    prefix = f"{root}/" if root else ""
    name = root.rpartition("/")[2] or "acme"
    return {
        f"{prefix}pyproject.toml": PY.format(name) + at_root,
        f"{prefix}src/{name}/__init__.py": "",
        f"{prefix}tests/test_core.py": "def test_it(): pass\n",
    }


def node(root: str, script: str = "node --test") -> Tree:
    return {f"{root}/package.json": SCRIPT % (root, script), f"{root}/index.js": "", f"{root}/test/a.test.js": ""}


def go(root: str) -> Tree:
    return {f"{root}/go.mod": f"module example.test/{root}\n", f"{root}/a.go": "", f"{root}/a_test.go": ""}


SERVICES = {**python("services/billing"), **python("services/shipping"), "README.md": ""}
WORKSPACE = {
    "package.json": '{"name": "acme", "workspaces": ["packages/*"], "scripts": {"test": "node --test"}}',
    **node("packages/core"), **node("packages/app"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (SERVICES, [("services/billing", "pytest"), ("services/shipping", "pytest")]),
        ({**python(""), **node("web")}, [(".", "pytest"), ("web", "node_test")]),
        ({**python("api"), **node("web", "vitest run")}, [("api", "pytest"), ("web", "vitest")]),
        ({**go("server"), "README.md": ""}, [("server", "go_test")]),
        ({**go("a"), **go("b")}, [("a", "go_test"), ("b", "go_test")]),
        ({**go("a"), **go("b"), "go.work": "go 1.21\nuse (\n\t./a\n\t./b\n)\n"}, [(".", "go_test")]),
        (WORKSPACE, [(".", "node_test")]),
        (
            {**WORKSPACE, "package.json": '{"workspaces": ["packages/*"], "scripts": {"test": "turbo run test"}}'},
            [("packages/app", "node_test"), ("packages/core", "node_test")],
        ),
        (
            {**WORKSPACE, "package.json": '{"private": true}', "pnpm-workspace.yaml": "packages:\n  - packages/*\n"},
            [("packages/app", "node_test"), ("packages/core", "node_test")],
        ),
        (
            {"Cargo.toml": "[workspace]\n", "crates/a/Cargo.toml": "[package]\n", "crates/a/src/lib.rs": ""},
            [(".", "cargo_test")],
        ),
        (
            {"pom.xml": "<project/>", "core/pom.xml": "<project/>", "core/src/test/java/a/BTest.java": ""},
            [(".", "maven")],
        ),
        (
            {"settings.gradle.kts": "", "app/build.gradle.kts": "", "app/src/main/java/A.java": ""},
            [(".", "gradle")],
        ),
        ({**SERVICES, "pytest.ini": "[pytest]\n"}, [(".", "pytest")]),
        (
            {**python("", at_root='[tool.uv.workspace]\nmembers = ["packages/*"]\n'), **python("packages/a")},
            [(".", "pytest"), ("packages/a", "pytest")],
        ),
        ({**python(""), **python("plugins/one")}, [(".", "pytest")]),
        ({**python(""), **node("docs"), **node("examples/web"), **go("vendor/x")}, [(".", "pytest")]),
        ({**python(""), "site/package.json": '{"scripts": {"build": "x"}}', "site/a.js": ""}, [(".", "pytest")]),
        (
            {**node("web", "jest"), **{path.removeprefix("web/"): text for path, text in node("web", "jest").items()}},
            [(".", "jest"), ("web", "jest")],
        ),
        (
            {"package.json": SCRIPT % ("x", "jest"), "a.test.js": "", "esm/package.json": '{"type": "module"}', "esm/a.test.js": ""},
            [(".", "jest")],
        ),
        (
            {**python("backend"), **node("backend/ui"), "backend/go/go.mod": "module x\n", "backend/go/x.go": ""},
            [("backend", "pytest"), ("backend/go", "go_test"), ("backend/ui", "node_test")],
        ),
        ({**SERVICES, "tests/test_all.py": "def test_it(): pass\n"}, [(".", "pytest"), ("services/billing", "pytest"), ("services/shipping", "pytest")]),
    ],
)  # fmt: skip
def test_folders_with_suites_of_their_own_are_components(tree: Tree, expected: list[tuple[str, str]]) -> None:
    assert roots(tree) == expected


@pytest.mark.parametrize(
    "tree",
    [
        python(""),
        {"package.json": SCRIPT % ("x", "jest"), "a.js": "", "docs/package.json": "{}"},
        WORKSPACE,
        {"calc.py": "", "test_calc.py": "def test_it(): pass\n", "tools/requirements.txt": "x\n", "tools/run.py": ""},
        {"backend/pyproject.toml": PY.format("x"), "backend/a.py": "", "tests/test_a.py": "def test_it(): pass\n"},
    ],
)
def test_one_piece_is_what_it_always_was(tree: Tree) -> None:
    contents = {path: text.encode() for path, text in tree.items()}
    [only] = found(tree)
    assert only.stack == detect(sorted(contents), contents.get, test_command=None)


def test_a_registered_command_is_the_suite_of_the_whole_repository() -> None:
    [only] = found(SERVICES, "make test")
    assert (only.root, only.stack.test_command) == (".", "make test")
    assert {str(one.origin) for one in only.known} >= {"registered with the repository"}


def test_a_repository_without_any_suite_is_refused() -> None:
    with pytest.raises(CallerError, match="No test command"):
        found({"README.md": "", "web/package.json": "{}"})


def test_very_many_are_run_as_a_whole() -> None:
    tree = {path: text for n in range(COMPONENTS_MAX + 1) for path, text in python(f"services/s{n}").items()}
    assert roots(tree) == [(".", "pytest")]


@pytest.mark.parametrize("folder", ["a:b", "-x", ".hidden", "a\nb", "$(x)"])
def test_a_folder_with_an_odd_name_is_no_component(folder: str) -> None:
    assert roots({**python(""), **node(folder)}) == [(".", "pytest")]


def test_facts_of_a_component_are_told_as_the_repository_has_them() -> None:
    billing = found(SERVICES)[0].stack
    assert billing.manifests == ("services/billing/pyproject.toml",)
    assert billing.source_roots == ("services/billing/src",)
    files = [path for path in SERVICES if path.endswith(".py")]
    assert [path for path in files if is_test_file(billing, path)] == ["services/billing/tests/test_core.py"]
    assert matches_any("services/billing/tests/test_core.py", billing.test_patterns)
    assert matches_any("services/billing/deep/er/test_x.py", billing.test_patterns)
    assert not matches_any("services/shipping/tests/test_core.py", billing.test_patterns)
    assert module_names(billing, files) == {"billing"}


def test_packages_of_a_workspace_are_installed_by_it() -> None:
    tree = {**WORKSPACE, "package.json": '{"workspaces": ["packages/*"]}', "package-lock.json": "{}"}
    app, core = found(tree)
    assert (app.stack.installed_at, core.stack.installed_at) == (".", ".")
    assert app.stack.manifests == core.stack.manifests
    assert "package-lock.json" in app.stack.manifests


def test_a_file_belongs_to_the_deepest_component_of_its_language() -> None:
    components = found({**python(""), **node("web"), "web/views.py": ""})
    stacks = [one.stack for one in components]
    owners = {path: owner_of(path, stacks) for path in ("web/index.js", "web/views.py", "web/index.html", "README.md")}
    assert {path: one.root for path, one in owners.items() if one} == {
        "web/index.js": "web", "web/views.py": ".", "web/index.html": "web", "README.md": ".",
    }  # fmt: skip
    assert owner_of("README.md", [one.stack for one in found(SERVICES)]) is None


def test_who_depends_on_whom_is_read_from_paths_and_names() -> None:
    tree = {
        **python("libs/core"), **python("services/api"), **python("services/mail"), **node("web"), **node("ui"), **go("srv"), **go("gen"),
    }  # fmt: skip
    tree["services/api/pyproject.toml"] += (
        'dependencies = ["core"]\n[tool.uv.sources]\ncore = { path = "../../libs/core" }\n'
    )
    tree["services/mail/pyproject.toml"] += "dependencies = ['API>=1']\n"
    tree["web/package.json"] = '{"scripts": {"test": "node --test"}, "dependencies": {"ui": "file:../ui"}}'
    tree["srv/go.mod"] += "require example.test/gen v0.0.0\nreplace example.test/gen => ../gen\n"
    components = found(tree)
    assert {one.root: one.depends_on for one in components if one.depends_on} == {
        "services/api": ("libs/core",), "services/mail": ("services/api",), "web": ("ui",), "srv": ("gen",),
    }  # fmt: skip
    assert with_dependents({"libs/core"}, components) == {"libs/core", "services/api", "services/mail"}
    assert with_dependencies("services/mail", components) == {"libs/core", "services/api", "services/mail"}
    assert touched_by(["ui/index.js", "README.md"], components) == {"ui"}


def test_languages_side_by_side_at_one_root_are_one_component() -> None:
    both = {**python(""), "package.json": SCRIPT % ("x", "jest"), "a.test.js": ""}
    contents = {path: text.encode() for path, text in both.items()}
    assert [one.stack for one in found(both)] == [detect(sorted(contents), contents.get, test_command=None)]


def test_a_library_without_tests_counts_for_the_services_beside_it() -> None:
    library = {"libs/core/pyproject.toml": PY.format("core"), "libs/core/src/core/__init__.py": "def double(n): ...\n"}
    components = found({**SERVICES, **library, **node("web")})
    files = [*SERVICES, *library]
    assert [one.root for one in components] == ["services/billing", "services/shipping", "web"]
    assert own_modules("services/billing", components, files) == {"billing", "core"}
    places = source_places(components)
    assert source_paths(files, places[0], places, components[0].stack.test_patterns) == [
        "libs/core/src/core/__init__.py", "services/billing/src/billing/__init__.py",
    ]  # fmt: skip


LIBRARY = {
    "packages/core/package.json": '{"name": "@acme/core", "exports": {".": {"types": "./dist/i.d.ts", "import": "./dist/i.js"}}, '
    '"scripts": {"build": "tsc"}}',
    "packages/core/src/i.ts": "export const add = 1;\n",
    "packages/base/package.json": '{"name": "@acme/base", "main": "lib/i.js", "scripts": {"prepare": "tsc"}}',
    "packages/base/src/i.ts": "",
}
USES_BASE = (
    '{"name": "@acme/core", "main": "./dist/i.js", "dependencies": {"@acme/base": "*"}, "scripts": {"build": "tsc"}}'
)


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({**node("packages/app"), "packages/app/index.js": "import { add } from '@acme/core';\n"}, ["(cd ../core && npm run --silent build)"]),
        (
            {
                **node("packages/app"), "packages/app/test/a.test.js": "const core = require('@acme/core/sub');\n",
                "packages/core/package.json": USES_BASE,
            },
            ["(cd ../base && npm run --silent prepare)", "(cd ../core && npm run --silent build)"],
        ),
        ({**node("packages/app"), "packages/app/index.js": "import '@acme/other';\n"}, []),
        ({**node("packages/app", "npm run build && node --test"), "packages/app/index.js": "import '@acme/core';\n"}, ["(cd ../core && npm run --silent build)"]),
        ({**node("packages/app", "turbo run test"), "packages/app/index.js": "import '@acme/core';\n"}, []),
        (
            {**node("packages/app"), "packages/app/index.js": "import '@acme/core';\n", "packages/core/dist/i.js": ""},
            [],
        ),
    ],
)  # fmt: skip
def test_what_the_tests_load_of_a_workspace_is_built_first(tree: Tree, expected: list[str]) -> None:
    top = {
        "package.json": '{"private": true, "workspaces": ["packages/*"], "scripts": {"test": "npm test --workspaces"}}'
    }
    (app,) = (one for one in found({**top, **LIBRARY, **tree}) if one.root == "packages/app")
    assert list(app.stack.setup) == expected


@pytest.mark.parametrize(
    ("test", "scripts", "expected"),
    [
        (
            "import { add } from '../dist/index.js';\n",
            '"test": "node --test", "build": "tsc"',
            ["npm run --silent build"],
        ),
        ("import { add } from '..';\n", '"test": "node --test", "prepare": "tsup"', ["npm run --silent prepare"]),
        ("import { add } from 'acme';\n", '"test": "node --test", "build": "tsc"', ["npm run --silent build"]),
        ("import { add } from '../src/index';\n", '"test": "node --test", "build": "tsc"', []),
        ("import { add } from '..';\n", '"test": "node --test", "prepare": "husky install"', []),
        ("import { add } from '..';\n", '"test": "node --test", "pretest": "npm run build", "build": "tsc"', []),
        ("", '"test": "node --test dist/test", "build": "tsc"', ["npm run --silent build"]),
    ],
)
def test_a_package_whose_tests_load_what_it_builds_is_built_first(test: str, scripts: str, expected: list[str]) -> None:
    package = '{"name": "acme", "main": "./dist/index.js", "scripts": {' + scripts + "}}"
    tree = {"package.json": package, "src/index.ts": "", "test/a.test.js": test}
    (only,) = found(tree)
    assert list(only.stack.setup) == expected
    assert [one.value for one in only.known if one.aspect is Aspect.SETUP] == expected
