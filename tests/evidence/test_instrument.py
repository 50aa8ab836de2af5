"""What a test command reaches is found by reading it: scripts, Makefiles, package scripts and the settings that name more."""

import json
from collections.abc import Mapping

import pytest

from pipeline.proof.instrument import Command, Instrument, altered
from pipeline.proof.instrument_search import instrument_of
from pipeline.proof.makefiles import same_goals
from pipeline.proof.protected_tests import configures_tests, is_protected

RUN = "#!/bin/sh\nset -e\n. ci/lib.sh\npytest\n"


def reached(command: str, files: Mapping[str, str], folder: str = ".") -> Instrument:
    return instrument_of(
        [Command(text=command, folder=folder)],
        files=files,
        read=lambda path: files[path].encode() if path in files else None,
        is_test=lambda path: is_protected(path, ()),
        settings=[path for path in files if configures_tests(path)],
    )


@pytest.mark.parametrize(
    ("command", "files", "wanted"),
    [
        ("./run.sh", {"run.sh": RUN, "ci/lib.sh": "echo lib\n"}, {"run.sh", "ci/lib.sh"}),
        ("sh -e run.sh fast && echo ok", {"run.sh": RUN, "ci/lib.sh": ""}, {"run.sh", "ci/lib.sh"}),
        ("cd ci && ./go", {"ci/go": "#!/bin/bash\n../scripts/x.sh\n", "scripts/x.sh": ""}, {"ci/go", "scripts/x.sh"}),
        ("PYTHONPATH=src timeout 60 python runtests.py", {"runtests.py": "import unittest\n"}, {"runtests.py"}),
        ("uv run python -m tools.check", {"tools/check.py": "import tools.more\n", "tools/more.py": ""}, {"tools/check.py"}),
        ("bash -c 'python scripts/t.py'", {"scripts/t.py": "from report import x\n", "scripts/report.py": ""}, {"scripts/t.py", "scripts/report.py"}),
        ("make", {"Makefile": "all: check\ncheck:\n\t@./scripts/check.sh\n", "scripts/check.sh": ""}, {"scripts/check.sh"}),
        ("make -C sub test", {"sub/Makefile": "RUN = sh ../ci/run.sh\ntest:\n\t$(RUN)\n", "ci/run.sh": ""}, {"ci/run.sh"}),
        ("npm test", {"package.json": json.dumps({"scripts": {"test": "npm run unit -- --x", "unit": "node scripts/run.mjs"}}), "scripts/run.mjs": "import './helper.mjs'\n", "scripts/helper.mjs": ""}, {"scripts/run.mjs", "scripts/helper.mjs"}),
        ("mocha --require ./support/hooks.js --config=ci/mocha.json", {"support/hooks.js": "", "ci/mocha.json": ""}, {"support/hooks.js", "ci/mocha.json"}),
        ("just test", {"justfile": "test:\n  pytest\n"}, {"justfile"}),
        ("./gradlew test", {"gradlew": "#!/bin/sh\n", "gradle/wrapper/gradle-wrapper.properties": ""}, {"gradlew", "gradle/wrapper/gradle-wrapper.properties"}),
        ("npx jest", {"package.json": '{"jest": {"setupFiles": ["<rootDir>/config/env.js"], "globalSetup": "./start"}}', "config/env.js": "", "start.js": ""}, {"config/env.js", "start.js"}),
        ("pytest", {"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-p plugins.order'\n", "plugins/order.py": ""}, {"plugins/order.py"}),
        ("tox", {"tox.ini": "[testenv]\ncommands = sh ci/go.sh {posargs}\n", "ci/go.sh": ""}, {"ci/go.sh"}),
    ],
)  # fmt: skip
def test_what_a_command_runs_belongs_to_the_instrument(command: str, files: dict[str, str], wanted: set[str]) -> None:
    others = {
        "src/shop/__init__.py": "",
        "src/shop/cart.py": "",
        "index.js": "",
        "docs/build.md": "",
        "release.sh": "echo",
    }
    assert set(reached(command, {**others, **files}).files) == wanted


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("pytest tests", {"shop.py": "", "tests/test_shop.py": "import shop\n"}),
        ("python -m shop --selftest", {"shop/__init__.py": "", "shop/__main__.py": ""}),
        ("sh tests/run.sh", {"tests/run.sh": "./mytool.sh 1 | diff - tests/expected\n", "mytool.sh": "#!/bin/sh\necho $1\n"}),
        ("node index.js", {"index.js": "console.log(1)\n"}),
        ("make test", {"Makefile": "test: tool\n\t./tool --version\nrelease:\n\t./release.sh\n", "tool": "#!/usr/bin/env python\nprint(1)\n", "release.sh": ""}),
    ],
)  # fmt: skip
def test_the_product_stays_free(command: str, files: dict[str, str]) -> None:
    assert reached(command, files).files == ()


def test_the_product_that_the_command_runs_is_watched_and_what_cannot_be_followed_is_said() -> None:
    files = {"tool": "#!/usr/bin/env python\n", "tests/run.sh": "./tool\n", "Makefile": "test:\n\t$(RUNNER) x\n\tsh tests/run.sh\n\t./tool\n"}  # fmt: skip
    found = reached("make test", files)
    assert found.watched == ("tests/run.sh", "tool")
    assert [one for one in found.unread if "$(RUNNER)" in one]
    assert reached("curl -s https://x.test/run | sh", {}).unread == (
        "“curl -s https://x.test/run | sh” runs what it fetches from a network.",
    )


def test_what_a_protected_script_computes_is_told_and_refuses_nothing() -> None:
    runs = {"run-tests": '#!/bin/sh\nfor f in tests/*.t; do sh -c "$command"; done\n${PYTHON:-python} -m pytest\n'}
    found = reached("./run-tests", runs)
    assert found.files == ("run-tests",)
    assert found.unread and found.exposed == ()
    assert reached("$RUNNER tests", {}).exposed
    assert reached("make test", {"Makefile": "test:\n\t$(RUNNER) x\n"}).exposed


MAKE = """\
include ci/vars.mk
PYTEST ?= python -m pytest
FLAGS = -q
VERSION = 1
SRCS = src/a.c src/b.c
OBJS = $(SRCS:.c=.o)

.PHONY: test release
test: build $(OBJS)
\t$(PYTEST) $(FLAGS) tests
build:
\tcc -o tool src/a.c
release: test
\ttwine upload $(VERSION)
%.o: %.c
\t$(CC) -c $<
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("python -m pytest", "true"), ("FLAGS = -q", "FLAGS = -q || true #"), ("\t$(PYTEST)", "\t-$(PYTEST)"),
        ("include ci/vars.mk", ""), ("cc -o tool src/a.c", "cp fake tool"), ("release: test", "SHELL = ./sh\nrelease: test"),
        ("release: test", "test:\n\ttrue\nrelease: test"), ("%.o: %.c", "%: tests/%\n\ttouch $@\n%.o: %.c"), ("VERSION = 1", "export PATH = .:$(PATH)"),
        ("FLAGS = -q", "FLAGS = -q\nifdef CI\nFLAGS = --version\nendif"), ("FLAGS = -q", "FLAGS = -q\n$(eval PYTEST = true)"),
        ("src/b.c", "src/b.sh"), ("SRCS = src/a.c src/b.c", "SRCS = src/a.c"), ("FLAGS = -q", "FLAGS = -q\ndefine PYTEST\ntrue\nendef"),
        ("build:\n", "build: src/x.o\nsrc/x.o:\n\ttouch tests/ok\nbuild:\n"),
    ],
)  # fmt: skip
def test_a_makefile_that_tests_otherwise_is_told(old: str, new: str) -> None:
    assert old in MAKE
    assert not same_goals(["", MAKE], ["", MAKE.replace(old, new)], ["test"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("VERSION = 1", "VERSION = 2"), ("twine upload", "flit publish"), ("release: test", "lint:\n\truff check\nrelease: test"),
        ("src/b.c", "src/b.c src/new.c"), ("FLAGS = -q", "# quiet\nFLAGS =  -q"), ("VERSION = 1\n", "VERSION = 1\nAUTHOR = me\n"),
        ("test: build $(OBJS)", "test: build \\\n  $(OBJS)"),
    ],
)  # fmt: skip
def test_a_makefile_may_change_where_the_tests_do_not_lead(old: str, new: str) -> None:
    assert old in MAKE
    assert same_goals(["", MAKE], ["", MAKE.replace(old, new)], ["test"])


def test_package_scripts_count_as_far_as_the_command_leads() -> None:
    scripts = {"test": "run-s unit:*", "unit:a": "node a.test.js", "preunit:a": "node prep.js", "lint": "eslint ."}
    files = {"package.json": json.dumps({"scripts": scripts})}
    found = reached("npm test", files)
    assert altered(found, files, {"package.json": json.dumps({"scripts": {**scripts, "lint": "x", "docs": "y"}})}) == []
    for name, text in {"unit:a": "true", "preunit:a": "true", "postunit:a": "true", "pretest": "x"}.items():
        other = {"package.json": json.dumps({"scripts": {**scripts, name: text}})}
        assert altered(found, files, other) == ["package.json"], name
