"""Files that a change lays before the runner, the library, a package or the repository itself; and many that it may add."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.ports import ChangedFile, Language
from pipeline.proof.component_sources import SourcePlace
from pipeline.proof.protected_tests import TamperingKind
from pipeline.proof.shadows import Ground, shadows, texts_after, texts_before

INSTALLED = ("requests", "google.cloud.storage", "attr", "tests")
SHOP = {
    "pyproject.toml": "[project]\nname = 'shop'\ndependencies = ['requests>=2']\n",
    "src/shop/__init__.py": "",
    "src/shop/cart.py": "",
    "tests/test_cart.py": "",
    "tests/unit/__init__.py": "",
    "tests/unit/test_deep.py": "",
    "tools/check.py": "",
}
FLAT = {"types.py": "", "cart.py": "", "tests/test_cart.py": "", "tests/helpers/data.py": ""}
NODE = {
    "package.json": '{"name": "@acme/root", "workspaces": ["packages/*"], "devDependencies": {"jest": "^29", "chalk": "^5"}}',
    "packages/a/package.json": '{"name": "@acme/a", "dependencies": {"lodash": "^4", "@acme/b": "workspace:*"}}',
    "packages/b/package.json": '{"name": "@acme/b"}',
    "tsconfig.json": '{\n  // paths\n  "compilerOptions": {"paths": {"@/*": ["./src/*"]}},\n}\n',
    "src/index.js": "",
}
GO = {
    "go.mod": "module example.com/shop\n\ngo 1.22\n\nrequire (\n\tgithub.com/stretchr/testify v1.9.0\n\texample.com/shop/lib v0.0.0\n)\n",
    "lib/go.mod": "module example.com/shop/lib\n",
    "cart.go": "package shop\n",
}
VENDORED = {
    **GO,
    "vendor/modules.txt": "# x\n",
    "vendor/github.com/stretchr/testify/assert/assert.go": "package assert\n",
}
RUST = {
    "Cargo.toml": "[package]\nname = 'shop'\n[dependencies]\nserde = '1'\n[dev-dependencies]\nproptest = '1'\n",
    "src/lib.rs": "",
}
JAVA = {
    "pom.xml": "<a/>",
    "src/main/java/acme/Cart.java": "package acme;\n",
    "src/test/java/acme/CartTest.java": "package acme;\n",
}
LANGUAGES = {Language.PYTHON: SHOP, Language.NODE: NODE, Language.GO: GO, Language.RUST: RUST, Language.JAVA: JAVA}


def found(
    language: Language, head: Mapping[str, str | None], base: Mapping[str, str] | None = None, **more: Any
) -> dict[str, str]:
    """Return what is said of a change of a repository, by path."""
    before = LANGUAGES[language] if base is None else base
    changed = [
        ChangedFile(path=path, status="D" if text is None else "M" if path in before else "A", added=1, removed=0)
        for path, text in head.items()
    ]
    roots = ("src", ".") if language is Language.PYTHON and any(path.startswith("src/") for path in before) else (".",)
    place = SourcePlace(root=".", language=language, source_roots=roots, reads=(".",))
    given: dict[str, Any] = {"places": (place,), "installed": INSTALLED, **more}
    told = shadows(
        Ground(
            changed=given.pop("changed", changed),
            paths=tuple(before),
            before={path: before[path] for path in texts_before(changed, before)},
            after={path: head[path] or "" for path in texts_after(changed)},
            **given,
        )
    )
    assert {one.kind for one in told} <= {TamperingKind.SHADOW}
    assert len({one.path for one in told}) == len(told)
    return {one.path: one.message for one in told}


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("pytest.py", "the test runner's own module pytest"),
        ("src/pytest.py", "the test runner's own module pytest"),
        ("tests/_pytest/__init__.py", "the test runner's own module _pytest"),
        ("xdist/__init__.py", "the test runner's own module xdist"),
        ("json.py", "Python's own module json"),
        ("src/unittest/__init__.py", "the test runner's own module unittest"),
        ("tests/decimal.py", "Python's own module decimal"),
        ("requests/__init__.py", "the installed package requests"),
        ("src/attr.cpython-311-x86_64-linux-gnu.so", "the installed package attr"),
        ("google/cloud/storage.py", "the installed package google.cloud.storage"),
        ("shop.py", "the repository's own shop in src/"),
        ("tests/shop/__init__.py", "the repository's own shop in src/"),
        ("src/shop/__pycache__/cart.cpython-311.pyc", "compiled code"),
    ],
)
def test_a_python_module_that_is_found_before_another_is_named_with_what_it_stands_before(path: str, what: str) -> None:
    [message] = found(Language.PYTHON, {path: ""}).values()
    assert path in message and what in message


@pytest.mark.parametrize("path", ["cart/__init__.py", "cart.cpython-311-x86_64-linux-gnu.so"])
def test_what_comes_before_a_module_that_stays_beside_it_is_a_shadow(path: str) -> None:
    [message] = found(
        Language.PYTHON, {path: "", "cart.py": "edited"}, {"cart.py": "", "tests/test_cart.py": ""}
    ).values()
    assert "the repository's own cart.py, which stays" in message
    assert found(Language.PYTHON, {"cart.py": ""}, {"cart/__init__.py": ""}) == {}, "a package comes before a module"


def test_what_node_or_a_compiler_finds_before_a_module_that_stays_is_a_shadow() -> None:
    base = {**NODE, "src/cart.ts": "", "src/data.json": "", "bin/cli.js": ""}
    for path, before in (
        ("src/index", "src/index.js"),
        ("src/cart.js", "src/cart.ts"),
        ("src/cart.mjs", "src/cart.ts"),
    ):
        [message] = found(Language.NODE, {path: ""}, base).values()
        assert f"{path} is found before the repository's own {before}, which stays" in message
    honest = {
        "src/cart.js": "",
        "src/cart.ts": None,
        "src/data": "",
        "src/index.mjs": "",
        "src/index.d.ts": "",
        "src/cart.test.js": "",
    }
    assert found(Language.NODE, honest, base) == {}


def test_settings_and_environments_say_where_else_imports_begin() -> None:
    assert found(Language.PYTHON, {"vendored/pytest.py": ""}) == {}
    assert found(Language.PYTHON, {"vendored/pytest.py": ""}, import_roots=("vendored",))


def test_a_link_in_the_place_of_a_package_counts_and_a_plain_file_does_not() -> None:
    for mode, count in (("120000", 1), ("160000", 1), ("100644", 0)):
        linked = ChangedFile(path="pytest", status="A", added=1, removed=0, mode=mode)
        assert len(found(Language.PYTHON, {}, changed=[linked])) == count


def test_a_file_that_registers_itself_as_a_plugin_counts_and_other_metadata_does_not() -> None:
    plugin = {"evil.egg-info/entry_points.txt": "[pytest11]\nevil = evil\n"}
    assert "the test runner loads" in found(Language.PYTHON, plugin)["evil.egg-info/entry_points.txt"]
    assert found(Language.PYTHON, {"shop.egg-info/entry_points.txt": "[shop.plugins]\na = b\n"}) == {}


@pytest.mark.parametrize(
    ("base", "head"),
    [
        pytest.param(SHOP, {"src/shop/types.py": "", "src/shop/json.py": "", "src/shop/pytest.py": ""}, id="names within a package"),
        pytest.param(SHOP, {"src/shop/requests/__init__.py": ""}, id="a package within the package"),
        pytest.param(SHOP, {"src/billing/__init__.py": "", "src/billing/tax.py": ""}, id="a new package"),
        pytest.param(SHOP, {"tests/unit/types.py": ""}, id="names within a package of tests"),
        pytest.param(SHOP, {"tests/__init__.py": "", "tests/test_tax.py": ""}, id="an installed package called tests"),
        pytest.param(SHOP, {"tools/json.py": ""}, id="a folder where no import begins"),
        pytest.param(SHOP, {"src/shop/py.typed": "", "docs/pytest.md": "", "json": ""}, id="files that are no modules"),
        pytest.param(SHOP, {"google/cloud/ours.py": ""}, id="a new part of a namespace"),
        pytest.param(SHOP, {"shop/__init__.py": "", "src/shop/__init__.py": None}, id="a package that moves"),
        pytest.param(FLAT, {"types/__init__.py": "", "types/kinds.py": "", "types.py": None}, id="a module that becomes a package"),
        pytest.param(FLAT, {"types.py": "KIND = 1\n", "cart.py": ""}, id="edits of what was there"),
        pytest.param(FLAT, {"test/__init__.py": "", "this.py": ""}, id="names of Python that nobody imports"),
        pytest.param({"src/__init__.py": "", "src/cart.py": ""}, {"src/redis.py": "", "src/types.py": ""}, id="a package called src"),
        pytest.param(SHOP, {"pyproject.toml": SHOP["pyproject.toml"].replace(">=2'", ">=2', 'rich'")}, id="a new dependency"),
    ],
)  # fmt: skip
def test_honest_python_changes_are_left_alone(base: dict[str, str], head: dict[str, str | None]) -> None:
    assert found(Language.PYTHON, head, base, installed=(*INSTALLED, "redis")) == {}


def test_python_manifests_may_not_lead_a_package_elsewhere() -> None:
    uv = SHOP["pyproject.toml"] + "[tool.uv.sources]\nrequests = {path = 'mine'}\n"
    assert "requests" in found(Language.PYTHON, {"pyproject.toml": uv})["pyproject.toml"]
    assert found(Language.PYTHON, {"requirements-dev.txt": "pytest @ file:./mine\n"})
    assert found(Language.PYTHON, {"requirements-dev.txt": "-e ./libs/pytest\n"})
    assert found(Language.PYTHON, {"requirements-dev.txt": "-e .\nrich>=1\nours @ git+https://x/ours\n"}) == {}


def package(**more: Any) -> dict[str, str | None]:
    """Return the root manifest with something more in it."""
    document = json.loads(NODE["package.json"])
    for key, value in more.items():
        document[key] = {**document.get(key, {}), **value} if isinstance(value, dict) else value
    return {"package.json": json.dumps(document)}


@pytest.mark.parametrize(
    ("head", "what"),
    [
        ({"node_modules/jest/index.js": ""}, "before the installed package jest"),
        ({"packages/a/node_modules/@acme/b/index.js": ""}, "before the installed package @acme/b"),
        (package(devDependencies={"jest": "file:./mine"}), "jest, which was there before, now comes from file:./mine"),
        (package(dependencies={"lodash": "npm:evil@1"}), "lodash"),
        (package(overrides={"jest-circus": "file:./mine"}), "overrides leads jest-circus"),
        (package(overrides={"x": {"jest": "0.0.1"}}), "overrides leads jest"),
        (package(resolutions={"**/expect": "link:./mine"}), "resolutions leads expect"),
        (package(pnpm={"overrides": {"vitest": "1.0.0"}}), "pnpm.overrides leads vitest"),
        (package(browser={"chalk": "./mine.js"}), "browser leads chalk"),
        ({"packages/jest/package.json": '{"name": "jest"}'}, "a package with the name of jest"),
        ({"tsconfig.test.json": '{"compilerOptions": {"paths": {"jest": ["./mine"],}}}'}, "paths leads jest"),
        ({"tsconfig.json": '{"compilerOptions": {"paths": {"*": ["./mine/*"]}}}', "mine/lodash.ts": ""}, "paths leads lodash"),
        ({"__mocks__/lodash.js": ""}, "in the place of the package lodash"),
        ({".pnp.cjs": ""}, "decides where packages are found"),
        ({"pnpm-workspace.yaml": "overrides:\n  jest: link:./mine\n"}, "leads jest"),
    ],
)  # fmt: skip
def test_a_node_package_may_not_be_led_elsewhere(head: dict[str, str | None], what: str) -> None:
    assert what in " ".join(found(Language.NODE, head).values())


@pytest.mark.parametrize(
    "head",
    [
        pytest.param({"packages/c/package.json": '{"name": "@acme/c", "dependencies": {"lodash": "^4"}}'}, id="a workspace package"),
        pytest.param(package(dependencies={"@acme/b": "workspace:*", "@acme/a": "file:packages/a"}), id="one's own packages"),
        pytest.param(package(dependencies={"axios": "^1"}, devDependencies={"jest": "^30"}), id="ordinary dependencies"),
        pytest.param(package(overrides={"minimist": "^1.2.6", "glob": {"minimatch": "^3"}}), id="pinned indirect dependencies"),
        pytest.param(package(imports={"#cart": "./src/cart.js"}, browser={"fs": False}), id="mappings of one's own"),
        pytest.param({"tsconfig.json": NODE["tsconfig.json"].replace('"@/*"', '"~/*": ["./app/*"], "@/*"')}, id="an alias"),
        pytest.param({"tsconfig.json": '{"compilerOptions": {"paths": {"*": ["./types/*"]}}}'}, id="typings"),
        pytest.param({"src/__mocks__/cart.js": "", "src/jest.ts": "", "lodash.js": ""}, id="files with such names"),
        pytest.param({"package.json": None, "packages/a/package.json": None}, id="deleted manifests"),
    ],
)  # fmt: skip
def test_honest_node_changes_are_left_alone(head: dict[str, str | None]) -> None:
    assert found(Language.NODE, head) == {}


@pytest.mark.parametrize(
    ("base", "head", "what"),
    [
        (GO, {"go.mod": GO["go.mod"] + "replace github.com/stretchr/testify => ./mine\n"}, "replaces github.com/stretchr/testify"),
        (GO, {"go.work": "go 1.22\nuse .\nreplace (\n\tgithub.com/stretchr/testify v1.9.0 => ../x v1\n)\n"}, "go.work replaces"),
        (GO, {"mine/go.mod": "module github.com/stretchr/testify\n"}, "the name of github.com/stretchr/testify"),
        (GO, {"vendor/modules.txt": ""}, "vendor/modules.txt lies in vendor"),
        (VENDORED, {"vendor/github.com/stretchr/testify/assert/assert.go": "x"}, "lies in vendor"),
        (VENDORED, {"vendor/github.com/stretchr/testify/assert/more.go": "x"}, "lies in vendor"),
    ],
)  # fmt: skip
def test_a_go_module_may_not_be_replaced(base: dict[str, str], head: dict[str, str | None], what: str) -> None:
    assert what in " ".join(found(Language.GO, head, base).values())


def test_honest_go_changes_are_left_alone() -> None:
    own = (
        GO["go.mod"]
        + "require github.com/x/y v1.0.0\nreplace example.com/shop/lib => ./lib\nreplace github.com/x/z => ./z\n"
    )
    assert found(Language.GO, {"go.mod": own, "testing/testing.go": "package testing\n"}) == {}
    assert found(Language.GO, {"vendor/github.com/new/x/x.go": "", "vendor/modules.txt": "# y\n"}, VENDORED) == {}


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("[patch.crates-io]\nproptest = {path = 'mine'}\n", "in the place of the crate proptest"),
        ("[replace]\n'proptest:1.0.0' = {path = 'mine'}\n", "in the place of the crate proptest:1.0.0"),
        ("[target.'cfg(unix)'.dev-dependencies]\nproptest = {path = 'mine'}\n", "proptest, which was required before"),
        ("[build-dependencies]\nserde = {package = 'evil', version = '1'}\n", "serde, which was required before"),
    ],
)
def test_a_crate_may_not_be_replaced(more: str, what: str) -> None:
    assert what in found(Language.RUST, {"Cargo.toml": RUST["Cargo.toml"] + more})["Cargo.toml"]


def test_honest_rust_changes_are_left_alone() -> None:
    head = RUST["Cargo.toml"] + "[dependencies.rand]\nversion = '0.8'\n[build-dependencies]\nours = {path = 'ours'}\n"
    assert found(Language.RUST, {"Cargo.toml": head, "ours/Cargo.toml": "[package]\nname = 'ours'\n"}) == {}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/main/java/org/junit/Assert.java", "/* x */ package org.junit;\n"),
        ("src/main/java/acme/Cart2.java", "package java.util;\n"),
        ("src/main/kotlin/A.kt", '@file:JvmName("A")\npackage kotlin.test\n'),
        ("src/main/resources/META-INF/services/org.junit.platform.launcher.TestExecutionListener", "acme.L"),
        ("src/main/resources/mockito-extensions/org.mockito.plugins.MockMaker", "acme.M"),
    ],
)  # fmt: skip
def test_java_sources_may_not_stand_in_packages_of_others(path: str, text: str) -> None:
    base = {path: text for path, text in JAVA.items() if not path.endswith("Cart.java")}
    assert path in found(Language.JAVA, {path: text}, base)


def test_honest_java_changes_are_left_alone() -> None:
    head = {
        "src/main/java/acme/junit/Rule.java": "package acme.junit;\n",
        "src/main/java/javaparser/A.java": "package javaparser;\n",
        "src/main/resources/META-INF/services/java.sql.Driver": "acme.Driver",
    }
    assert found(Language.JAVA, head) == {}
