"""Every verb: help, exit codes, one JSON value, and nothing heavy before it is needed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import own_processes
from cli.local.data_directory import DataDirectory
from cli.local.runtime_state import RuntimeFile
from cli.registry import VERBS, load
from scripts import cli_reference
from tests.cli.conftest import Verb

HEAVY = (
    "fastapi",
    "sqlalchemy",
    "alembic",
    "psycopg",
    "anthropic",
    "langgraph",
    "httpx2",
    "uvicorn",
    "controller",
    "worker",
)
WITHOUT_JSON = {"controller", "worker"}


def every_command() -> Iterator[tuple[str, Any]]:
    for verb in VERBS:
        command: Any = load(verb.name)
        yield verb.name, command
        for name, inner in getattr(command, "commands", {}).items():
            yield f"{verb.name} {name}", inner


@pytest.mark.parametrize("line", [pytest.param(name.split(), id=name) for name, _ in every_command()])
def test_every_verb_has_help(verb: Verb, line: list[str]) -> None:
    shown = verb(*line, "--help")
    assert shown.code == 0
    assert f"changeline {' '.join(line)}" in shown.out
    assert verb(*line, "-h").out == shown.out


def test_the_summary_of_the_registry_is_the_first_sentence_of_the_help() -> None:
    for verb in VERBS:
        help_text = load(verb.name).help or ""
        assert help_text.split("\n\n")[0].replace("\n", " ").strip() == verb.summary, verb.name


def test_every_command_speaks_json() -> None:
    for name, command in every_command():
        options = {option for parameter in command.params for option in parameter.opts}
        is_group = hasattr(command, "commands")
        assert is_group or name in WITHOUT_JSON or "--json" in options, name


def test_help_and_completion_import_nothing_heavy() -> None:
    script = (
        "import sys; from cli.main import main; code = main(['--help']);"
        f" print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=own_processes.environment(), capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
    assert all(verb.name in done.stdout for verb in VERBS if not verb.hidden)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("changeline re", {"reject", "resume", "redirect", "rerun", "restore", "repo", "replay", "request"}),
        ("changeline settings ", {"get", "set", "history", "revert"}),
    ],
)
def test_a_shell_completes_verbs(words: str, expected: set[str]) -> None:
    environment = {
        **own_processes.environment(), "_CHANGELINE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1),
    }  # fmt: skip
    done = subprocess.run(own_processes.command(), env=environment, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == expected


@pytest.mark.parametrize(
    "arguments", [(), ("frobnicate",), ("list", "--frobnicate"), ("show",), ("list", "--status", "odd")]
)
def test_a_mistyped_command_is_usage(verb: Verb, arguments: tuple[str, ...]) -> None:
    refused = verb(*arguments)
    assert refused.code == 2
    assert refused.out == "" or arguments == ()


def test_a_refusal_with_json_is_one_json_value(verb: Verb, nowhere: Path) -> None:
    for arguments, code in ((("shwo", "--json"), 2), (("list", "--json"), 5), (("list", "--limit", "0", "--json"), 2)):
        refused = verb(*arguments)
        assert (refused.code, refused.err) == (code, ""), arguments
        assert refused.value["error"]
    assert not nowhere.exists()


def test_a_setting_that_is_wrong_is_named(verb: Verb, nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANGELINE_CONTROLLER__PORT", "door")
    refused = verb("status", "--json")
    assert (refused.code, refused.value["field"]) == (2, "CHANGELINE_CONTROLLER__PORT")
    assert not nowhere.exists()


def test_an_internal_error_is_one_line_and_debug_shows_the_traceback(
    verb: Verb, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere.mkdir()
    (nowhere / "runtime.json").mkdir()
    failed = verb("list")
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.startswith("Error: This is a bug of Changeline: IsADirectoryError")
    assert "Traceback" not in failed.err
    monkeypatch.setenv("CHANGELINE_LOG_LEVEL", "debug")
    assert "Traceback" in verb("list").err


def test_an_installation_that_is_still_starting_is_not_reachable_yet(verb: Verb, nowhere: Path) -> None:
    nowhere.mkdir()
    runtime = RuntimeFile(DataDirectory.at(nowhere))
    runtime.controller("http://127.0.0.1:9", str(nowhere / "token"))
    refused = verb("list", "--json")
    assert (refused.code, refused.value["error"]) == (5, "Changeline is starting.")


def test_a_terminal_without_a_character_shows_another() -> None:
    environment = {**own_processes.environment(), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        own_processes.command("run", "--help"), env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Carry a change request" in done.stdout) == (0, True), done.stderr


def test_our_own_processes_do_not_take_packages_from_the_current_directory(tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__init__.py").write_text("raise SystemExit('a stranger')")
    done = subprocess.run(
        own_processes.command("--version"),
        env=own_processes.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split()[0]) == (0, "changeline"), done.stderr


def test_prompts_are_shown_without_a_controller(verb: Verb, nowhere: Path) -> None:
    listed = verb("prompts", "list", "--json").value["items"]
    one = next(item for item in listed if item["role"] == "code_writer")
    shown = verb("prompts", "show", "code_writer", "--json").value
    assert shown["sha256"] == one["sha256"]
    assert shown["system"].startswith("Role: code_writer\n")
    assert verb("prompts", "show", "poet").code == 2
    assert not nowhere.exists()


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\x00\xff", b'{"format": "changeline-evidence"}'])
def test_evidence_that_is_none_does_not_hold(verb: Verb, tmp_path: Path, content: bytes | None) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    file = tmp_path / "evidence.json"
    if content is not None:
        file.write_bytes(content)
    done = verb("evidence", "verify", str(file), "--repo", str(tmp_path), "--json")
    assert done.code == (2 if content is None else 1)
    assert json.loads(done.out)
    assert verb("evidence", "verify", str(file), "--repo", str(tmp_path / "nothere")).code == 2


def test_the_reference_page_is_fresh() -> None:
    assert cli_reference.PAGE.read_text(encoding="utf-8") == cli_reference.render(), "run `make docs`"
