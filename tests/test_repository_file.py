"""What a repository says about itself: read with its lines, refused where it cannot be followed, strongest word first."""

import pytest
import yaml

from pipeline.errors import CallerError
from pipeline.ports import Language
from pipeline.repositories import untrusted_yaml
from pipeline.repositories.component_discovery import find_components
from pipeline.repositories.components import Aspect, Component, Known, Source
from pipeline.repositories.repository_file import REPOSITORY_FILE, read_repository_file, starting_file
from tests.test_components import SERVICES, Tree, go, node, python

PLAIN = python("")


def found(tree: Tree, text: str | None = None, *, registered: str | None = None) -> tuple[Component, ...]:
    contents = {path: one.encode() for path, one in tree.items()}
    said = read_repository_file(None if text is None else text.encode())
    return find_components(sorted(contents), contents.get, test_command=registered, said=said)


def of(components: tuple[Component, ...], aspect: Aspect, source: Source | None = None) -> list[Known]:
    known = [one for component in components for one in component.known if one.aspect is aspect]
    return [one for one in known if source is None or one.origin.source is source]


LISTED = """\
setup:
  - make generate
environment:
  TZ: UTC
protected: [infra/, "*.lock"]
components:
  - root: services/billing
    commands: {test: pytest -q, lint: ruff check}
    environment:
      PORT: 8080
  - root: ./web/
    language: node
    runner: jest
    commands:
      test: ./run-tests
    depends_on: [services/billing]
"""


def test_listed_components_are_those_that_count_each_fact_with_its_line() -> None:
    billing, web = found({**SERVICES, **node("web")}, LISTED)
    assert (billing.root, web.root) == ("services/billing", "web")
    assert (billing.stack.runner, billing.stack.test_command) == ("pytest", "pytest -q")
    assert (web.stack.language, web.stack.runner, web.stack.test_command) == (Language.NODE, "jest", "./run-tests")
    assert billing.variables == {"TZ": "UTC", "PORT": "8080"}
    assert web.variables == {"TZ": "UTC"}
    assert web.depends_on == ("services/billing",)
    assert billing.stack.setup == web.stack.setup == ("make generate",)
    assert billing.protected == ("infra/", "*.lock")
    places = {one.value: str(one.origin) for one in billing.known if one.origin.source is Source.REPOSITORY_FILE}
    assert places == {
        "services/billing": f"{REPOSITORY_FILE}:7", "pytest -q": f"{REPOSITORY_FILE}:8", "ruff check": f"{REPOSITORY_FILE}:8",
        "make generate": f"{REPOSITORY_FILE}:2", "TZ=UTC": f"{REPOSITORY_FILE}:4", "PORT=8080": f"{REPOSITORY_FILE}:10",
        "infra/": f"{REPOSITORY_FILE}:5", "*.lock": f"{REPOSITORY_FILE}:5",
    }  # fmt: skip


def test_a_file_without_components_speaks_for_a_repository_in_one_piece() -> None:
    [only] = found(SERVICES, "commands: {test: make test}\n")
    assert (only.root, only.stack.test_command, only.stack.runner) == (".", "make test", "command")
    assert [one.root for one in found(SERVICES, "environment: {TZ: UTC}\n")] == [
        "services/billing",
        "services/shipping",
    ]
    [empty] = found(PLAIN, "# nothing yet\n")
    assert empty.stack == found(PLAIN)[0].stack


def test_what_was_registered_is_the_strongest_word_and_the_other_is_shown() -> None:
    [only] = found(PLAIN, "commands: {test: make test}\nenvironment: {A: b}\n", registered="pytest -x")
    assert only.stack.test_command == "pytest -x"
    assert only.variables == {"A": "b"}
    told = [(one.value, one.origin.source, one.followed) for one in of((only,), Aspect.TEST)]
    assert told == [("pytest -x", Source.REGISTERED, True), ("make test", Source.REPOSITORY_FILE, False)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("components:\n  - root: ../other\n", ":2: components.0.root: '../other' is no folder of the repository"),
        ("components:\n  - root: /etc\n", "'/etc' is no folder"),
        ("components:\n  - root: web/.git\n", "is no folder"),
        ("components:\n  - root: 'a\\b'\n", "is no folder"),
        ("components:\n\n  - root: nowhere\n", ":3: nowhere: there is no such folder"),
        ("components:\n  - root: services\n    language: rust\n", "no suite was found there"),
        ("components:\n  - root: services/billing\n  - root: services/billing/\n", "two components have the root"),
        ("components:\n  - root: services/billing\n    depends_on: [gone]\n", "depends_on names gone"),
        ("components:\n  - root: services/billing\ncommands: {test: x}\n", "belong to the components"),
        ("commands:\n  tests: pytest\n", ":2: commands.tests: Extra inputs are not permitted"),
        ("runner: rspec\n", ":1: runner: Input should be"),
        ("setup: make\n", ":1: setup: Input should be a valid"),
        ("services: [postgres]\n", "services cannot be provided"),
        ("environment:\n  PATH: /bin\n", ":1: environment: PATH is set by Changeline"),
        ("environment: {'A B': x}\n", "is no name of a variable"),
        ("environment: {DB_PASSWORD: correct-horse-battery}\n", "looks like a secret"),
        ("environment: {X: ghp_q8Zr4LwT7mVx2KpN9sYd6HcB3fGjA5uEoRiW}\n", "looks like a secret"),
        ("a: &a [x]\nb: *a\n", ":2: aliases are not read"),
        ("setup: [a]\nsetup: [b]\n", ":2: setup: setup is there twice"),
        ("setup: [a\n", ":2: "),
        ("- 1\n", "Input should be"),
        ("\x00", "no YAML"),
        ("x: " + "[" * 60_000, "nested too deeply"),
        ("#" * (untrusted_yaml.BYTES_MAX + 1), "larger than 64 KiB"),
        ("setup: ['\udc80']".encode("utf-8", "surrogateescape").decode("latin-1"), ""),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_followed_is_refused_with_its_line(text: str, told: str) -> None:
    if not told:
        with pytest.raises(CallerError, match="no UTF-8"):
            read_repository_file(text.encode("latin-1"))
        return
    with pytest.raises(CallerError) as refused:
        found(SERVICES, text)
    assert told in refused.value.message
    assert refused.value.message.startswith(REPOSITORY_FILE)
    assert "base branch" in str(refused.value.remedy)


@pytest.mark.parametrize("tree", [PLAIN, SERVICES, {**python("api"), **node("web", "vitest run"), **go("srv")}])
def test_a_starting_file_says_what_was_found(tree: Tree) -> None:
    before = found(tree)
    text = starting_file(before)
    assert text.startswith("# What Changeline should know")
    after = found(tree, text)
    assert [one.stack for one in after] == [one.stack for one in before]
    assert [one.depends_on for one in after] == [one.depends_on for one in before]
    assert set(yaml.safe_load(text)) == {"components"}


AGENTS = "# For agents\n\nLint with `ruff check .`.\n\n```bash\nuv run pytest -q  # all\npytest <file>\n```\n"


def test_commands_for_agents_count_where_the_files_leave_it_to_a_guess() -> None:
    plain = {"run.py": "", "shop/tests.py": "", "shop/test_views.py": "class A: ...\n"}
    guessed = found({**plain, "AGENTS.md": "Run `python -m unittest -q` before you hand in.\n"})
    assert guessed[0].stack.test_command == "python -m unittest -q"
    [test] = of(guessed, Aspect.TEST)
    assert (str(test.origin), test.followed) == ("AGENTS.md:1", True)
    stated = found({"package.json": '{"scripts": {"test": "jest"}}', "a.test.js": "", "AGENTS.md": "`make test`\n"})
    assert stated[0].stack.test_command == "npm test"
    assert [(one.value, one.followed) for one in of(stated, Aspect.TEST)] == [("npm test", True), ("make test", False)]
    outlived = found({"test_a.py": "", "AGENTS.md": "`make test`\n"})
    assert outlived[0].stack.test_command == "pytest"
    nothing = found({"run.sh": "", "Makefile": "", "main.c": "", "AGENTS.md": "```\n$ make check\n```\n"})
    assert nothing[0].stack.test_command == "make check"


def test_what_other_files_say_is_shown_with_its_place_and_not_followed() -> None:
    tree = {
        **PLAIN,
        "pytest.ini": "",
        "AGENTS.md": AGENTS,
        ".devcontainer/devcontainer.json": '{ // comment\n  "postCreateCommand": "pip install -e .",\n "name": "a//b", }',
        ".github/workflows/copilot-setup-steps.yml": "jobs:\n  copilot-setup-steps:\n    steps:\n      - run: npm ci\n",
        ".github/workflows/ci.yml": "jobs:\n  x:\n    steps:\n      - run: |\n          pip install .\n          tox -e py\n",
        ".tool-versions": "python 3.12.1\nnodejs 20\n",
        ".github/workflows/bad.yml": "a: [",
    }
    shown = [(one.aspect, one.value, str(one.origin)) for one in found(tree)[0].known if not one.followed]
    assert shown == [
        (Aspect.LINT, "ruff check .", "AGENTS.md:3"),
        (Aspect.TEST, "pytest -q", "AGENTS.md:6"),
        (Aspect.SETUP, "pip install -e .", ".devcontainer/devcontainer.json:2"),
        (Aspect.SETUP, "npm ci", ".github/workflows/copilot-setup-steps.yml:4"),
        (Aspect.VERSION, "python 3.12.1", ".tool-versions:1"),
        (Aspect.VERSION, "nodejs 20", ".tool-versions:2"),
        (Aspect.TEST, "tox -e py", ".github/workflows/ci.yml:6"),
    ]
