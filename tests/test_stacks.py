"""What `detect` finds in file lists, without touching a disk."""

import pytest

from pipeline.errors import CallerError
from pipeline.ports import Language, Stack
from pipeline.repositories.stacks import detect, is_test_file, manifest_hash, module_names


def found(tree: dict[str, str], test_command: str | None = None) -> Stack:
    contents = {path: text.encode() for path, text in tree.items()}
    return detect(sorted(contents), contents.get, test_command=test_command)


PYTHON = {"pyproject.toml": "[project]\nname='x'\n", "x/__init__.py": "", "tests/test_x.py": "def test_it(): pass\n"}
NODE = {"package.json": '{"scripts": {"test": "node --test"}}', "index.js": "", "test/a.test.js": ""}
GO = {"go.mod": "module example.com/x\n", "main.go": "", "main_test.go": ""}
RUST = {"Cargo.toml": "[package]", "src/lib.rs": ""}
MAVEN = {"pom.xml": "<project/>", "src/main/java/a/B.java": "", "src/test/java/a/BTest.java": ""}
GRADLE = {"build.gradle.kts": "", "gradlew": "", "src/main/java/a/B.java": ""}


@pytest.mark.parametrize(
    ("tree", "language", "runner", "command"),
    [
        (PYTHON, Language.PYTHON, "pytest", "pytest"),
        ({"calc.py": "", "test_calc.py": "import pytest\n"}, Language.PYTHON, "pytest", "pytest"),
        ({"calc.py": "", "requirements-dev.txt": "pytest>=8\n"}, Language.PYTHON, "pytest", "pytest"),
        ({"calc.py": "", "tox.ini": "[pytest]\n"}, Language.PYTHON, "pytest", "pytest"),
        (
            {"calc.py": "", "setup.py": "", "tests/test_calc.py": "import unittest\nclass A(unittest.TestCase): ...\n"},
            Language.PYTHON,
            "unittest",
            "python -m unittest",
        ),
        ({"manage.py": "import django\n", "shop/tests.py": ""}, Language.PYTHON, "command", "python manage.py test"),
        ({"runtests.py": "import django\n", "tests/test_a.py": ""}, Language.PYTHON, "command", "python runtests.py"),
        ({"manage.py": "import django\n", "pytest.ini": "", "shop/tests.py": ""}, Language.PYTHON, "pytest", "pytest"),
        (NODE, Language.NODE, "node_test", "npm test"),
        ({"package.json": '{"scripts": {"test": "jest --ci"}}', "a.js": ""}, Language.NODE, "jest", "npm test"),
        ({"package.json": '{"scripts": {"test": "vitest run"}}', "a.ts": ""}, Language.NODE, "vitest", "npm test"),
        ({"package.json": '{"scripts": {"test": "mocha"}}', "a.js": ""}, Language.NODE, "mocha", "npm test"),
        (
            {"package.json": '{"scripts": {"test": "tsc && jest; true"}}', "a.ts": ""},
            Language.NODE,
            "npm_script",
            "npm test",
        ),
        ({"package.json": '{"devDependencies": {"jest": "30"}}', "a.js": ""}, Language.NODE, "jest", "npx jest"),
        ({"package.json": "{}", "a.js": "", "a.test.js": ""}, Language.NODE, "node_test", "node --test"),
        (GO, Language.GO, "go_test", "go test ./..."),
        (RUST, Language.RUST, "cargo_test", "cargo test"),
        (MAVEN, Language.JAVA, "maven", "mvn test"),
        (GRADLE, Language.JAVA, "gradle", "./gradlew test"),
    ],
)
def test_each_stack_is_found_by_its_files(tree: dict[str, str], language: Language, runner: str, command: str) -> None:
    stack = found(tree)
    assert (stack.language, stack.runner, stack.test_command) == (language, runner, command)


def test_a_polyglot_repository_goes_by_evidence_of_tests() -> None:
    docs_site = {"package.json": '{"scripts": {"build": "x"}}', "docs/site.js": ""}
    assert found({**PYTHON, **docs_site}).language is Language.PYTHON
    tooling = {"requirements.txt": "requests\n", "scripts/release.py": ""}
    assert found({**NODE, **tooling}).language is Language.NODE
    assert found({**GO, "scripts/gen.py": "", "tools/test_gen.py": ""}).language is Language.GO


@pytest.mark.parametrize(
    ("command", "language", "runner"),
    [
        ("pytest -q tests", Language.PYTHON, "pytest"),
        ("python -m pytest", Language.PYTHON, "pytest"),
        ("pytest && echo ok", Language.PYTHON, "command"),
        ("npm test", Language.NODE, "npm_script"),
        ("go test ./pkg/...", Language.GO, "go_test"),
        ("make check", Language.PYTHON, "command"),
    ],
)
def test_a_configured_command_wins_over_detection(command: str, language: Language, runner: str) -> None:
    stack = found(PYTHON, command)
    assert (stack.language, stack.runner, stack.test_command) == (language, runner, command)


def test_without_a_known_manifest_the_setting_is_named_and_is_enough() -> None:
    tree = {"README.md": "", "main.c": "", "Makefile": ""}
    with pytest.raises(CallerError) as caught:
        found(tree)
    assert caught.value.field == "test_command"
    assert caught.value.remedy is not None
    assert found(tree, "make test").runner == "command"


def test_vendored_code_says_nothing_about_a_repository() -> None:
    stack = found({**PYTHON, "node_modules/x/package.json": NODE["package.json"], "node_modules/x/a.test.js": ""})
    assert stack.language is Language.PYTHON
    assert stack.manifests == ("pyproject.toml",)


@pytest.mark.parametrize(
    ("tree", "roots"),
    [
        ({"src/x/__init__.py": "", "tests/test_x.py": ""}, ("src",)),
        ({"src/x/__init__.py": "", "tool.py": "", "test_x.py": ""}, ("src", ".")),
        ({"x/__init__.py": "", "setup.py": ""}, (".",)),
        ({"calc.py": "", "test_calc.py": ""}, (".",)),
        (
            {"lib/x/__init__.py": "", "pyproject.toml": "[tool.setuptools.packages.find]\nwhere=['lib']\n"},
            ("lib",),
        ),
    ],
)
def test_source_roots_are_where_imports_start(tree: dict[str, str], roots: tuple[str, ...]) -> None:
    assert found({"pytest.ini": "", **tree}).source_roots == roots


def test_module_names_are_this_repositorys_own() -> None:
    tree = {**PYTHON, "src/shop/__init__.py": "", "src/shop/cart/total.py": "", "src/not-a-module.py": ""}
    names = module_names(found(tree), sorted(tree))
    assert names == {"x", "shop", "shop.cart", "shop.cart.total"}
    assert "a.B" in module_names(found(MAVEN), sorted(MAVEN))
    assert {"index.js", "index"} <= module_names(found(NODE), sorted(NODE))


@pytest.mark.parametrize(
    ("tree", "path", "expected"),
    [
        (PYTHON, "test_a.py", True),
        (PYTHON, "deep/tests/helpers.py", True),
        (PYTHON, "conftest.py", True),
        (PYTHON, "x/contest.py", False),
        (NODE, "src/a.spec.ts", True),
        (GO, "pkg/a_test.go", True),
        (RUST, "tests/it.rs", True),
        (MAVEN, "core/src/test/java/a/BTest.java", True),
        (MAVEN, "src/main/java/a/B.java", False),
    ],
)
def test_test_files_are_told_from_sources(tree: dict[str, str], path: str, expected: bool) -> None:
    assert is_test_file(found(tree), path) is expected


def test_what_pytest_is_told_are_tests_are_tests() -> None:
    told = {"pytest.ini": "[pytest]\npython_files = check_*.py *.py\n", "checks/check_a.py": "", "a.py": ""}
    stack = found(told)
    assert is_test_file(stack, "checks/check_b.py") and not is_test_file(stack, "a.py")
    told = {"pyproject.toml": "[tool.pytest.ini_options]\npython_files=['*_spec.py']\n", "a.py": ""}
    assert is_test_file(found(told), "deep/a_spec.py")
    assert not is_test_file(found({"pytest.ini": "nonsense", "a.py": ""}), "a_spec.py")


def test_the_manifest_hash_follows_manifests_only() -> None:
    def digest(tree: dict[str, str]) -> str:
        contents = {path: text.encode() for path, text in tree.items()}
        return manifest_hash(found(tree), contents.get)

    assert digest(PYTHON) == digest({**PYTHON, "x/new.py": "code"})
    assert digest(PYTHON) != digest({**PYTHON, "pyproject.toml": PYTHON["pyproject.toml"] + "# changed\n"})
    assert digest(PYTHON) != digest({**PYTHON, "requirements.txt": ""})


@pytest.mark.parametrize(
    "text", ["[1, 2]", "{", '{"scripts": []}', '{"scripts": {"test": 7}, "dependencies": 3}', "\x00"]
)
def test_broken_manifests_are_data_not_crashes(text: str) -> None:
    assert found({"package.json": text, "a.test.js": "", "pyproject.toml": text}).language is Language.NODE


@pytest.mark.parametrize(
    ("tree", "roots"),
    [
        ({"lib/acme/core.py": "", "tests/test_a.py": "from acme.core import add\n"}, ("lib",)),
        ({"scripts/tool.py": "", "tests/test_a.py": "import sys\nfrom tool import add\n"}, ("scripts",)),
        ({"a.py": "", "lib/acme/__init__.py": "", "tests/test_a.py": "import acme, a\n"}, ("lib", ".")),
        ({"acme/__init__.py": "", "acme/redis.py": "", "tests/test_a.py": "import redis\nimport acme\n"}, (".",)),
        ({"app/redis.py": "", "tests/test_a.py": "import redis\nfrom app import redis\n"}, (".",)),
        ({"lib/yaml.py": "", "requirements.txt": "yaml>=3\n", "tests/test_a.py": "import yaml\n"}, (".",)),
        ({"a/util.py": "", "b/util.py": "", "tests/test_a.py": "import util\n"}, (".",)),
        ({"tests/helpers.py": "", "x/helpers.py": "", "tests/test_a.py": "import helpers\n"}, (".",)),
    ],
)
def test_what_tests_import_shows_where_imports_start(tree: dict[str, str], roots: tuple[str, ...]) -> None:
    assert found(tree).source_roots == roots


def test_a_lone_test_py_holds_the_tests_and_one_beside_others_does_not() -> None:
    text = "import unittest\n\n\nclass A(unittest.TestCase): ...\n"
    alone = found({"calc.py": "", "test.py": text})
    assert (alone.runner, is_test_file(alone, "test.py")) == ("unittest", True)
    assert not is_test_file(found({"calc.py": "", "test.py": "", "test_calc.py": text}), "test.py")


@pytest.mark.parametrize(
    ("tree", "words", "command"),
    [
        ({"Gemfile": "", "spec/a_spec.rb": "", "app.rb": ""}, "Ruby", "bundle exec rspec"),
        ({"composer.json": '{"scripts": {"test": "pest"}}', "src/a.php": ""}, "PHP", "composer test"),
        ({"Acme.sln": "", "Acme/A.cs": ""}, ".NET", "dotnet test"),
        ({"Makefile": "all:\n\tcc a.c\n\ncheck: all\n\t./t\n", "a.c": ""}, "No test command found", "make check"),
        ({"CMakeLists.txt": "", "a.cpp": ""}, "C or C++", "ctest --test-dir build"),
        ({"t/a.t": "", "lib/A.pm": ""}, "Perl", "prove -lv t"),
        # A front end's manifest beside it makes no Node project of it.
        ({"Gemfile": "", "bin/rails": "", "package.json": "{}", "app/javascript/a.js": ""}, "Ruby", "bin/rails test"),
    ],
)
def test_where_no_suite_is_found_the_likely_command_is_named(tree: dict[str, str], words: str, command: str) -> None:
    with pytest.raises(CallerError) as caught:
        found(tree)
    assert words in caught.value.message and caught.value.remedy is not None
    assert f"`{command}" in caught.value.remedy or command in caught.value.remedy


def test_a_project_without_tests_is_no_guess_because_of_a_makefile() -> None:
    assert found({"package.json": "{}", "index.js": "", "Makefile": "test:\n\tnode --test\n"}).runner == "node_test"
