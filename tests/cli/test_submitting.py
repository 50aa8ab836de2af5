"""What a person hands in is checked before anything starts or is sent, and is submitted once."""

import io
import sys
from pathlib import Path

import pytest

from cli.request_input import REQUEST_MAX_BYTES
from pipeline.errors import CallerError
from tests.cli.bad_line import bad_line
from tests.cli.conftest import Verb
from tests.controller.conftest import Controller

SCENARIO = str(Path(__file__).parents[2] / "examples" / "parcel-rates.scenario.yaml")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "sample"
    path.mkdir()
    monkeypatch.chdir(tmp_path)
    return path


def test_the_id_alone_goes_to_stdout(verb: Verb, controller: Controller, repository: Path) -> None:
    controller.inspector.warnings = ("There are uncommitted changes.",)
    done = verb("submit", "--repo", "sample", "--title", "Greet", "--body", "Say hello.")
    assert done.code == 0, done.err
    (cr_id,) = done.out.split()
    assert "Warning: There are uncommitted changes." in done.err
    shown = verb("show", cr_id, "--json").value
    assert (shown["title"], shown["body"], shown["source"]) == ("Greet", "Say hello.", "cli")
    assert verb("show", "latest", "--json").value["id"] == cr_id
    assert controller.inspector.asked == [(str(repository), None, None)]


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("sample", "{cwd}/sample"),
        ("./sample", "{cwd}/sample"),
        ("sample/../sample", "{cwd}/sample"),
        ("~/mine", "{home}/mine"),
        ("https://git.example.com/team/sample.git", "https://git.example.com/team/sample.git"),
        ("git@git.example.com:team/sample.git", "git@git.example.com:team/sample.git"),
    ],
)
def test_a_repository_is_named_as_people_name_them(
    verb: Verb, controller: Controller, repository: Path, home: Path, given: str, understood: str
) -> None:
    (home / "mine").mkdir()
    arguments = ("--body", "Say hello.", "--base-branch", "next", "--test-command", "make check")
    done = verb("submit", "--repo", given, *arguments)
    assert done.code == 0, done.err
    expected = understood.format(cwd=repository.parent, home=home)
    assert controller.inspector.asked == [(expected, "next", "make check")]


def test_a_file_or_stdin_carries_the_request(
    verb: Verb, controller: Controller, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\ufeff# Grüße\n\nSay “hello”.\n"
    (repository.parent / "request.md").write_text(text, encoding="utf-8")
    verb("submit", "--repo", "sample", "--file", "request.md")
    first = verb("show", "latest", "--json").value
    assert (first["title"], first["body"]) == ("Grüße", text.removeprefix("\ufeff"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"From a pipe.")))
    assert verb("submit", "--repo", "sample", "--file", "-").code == 0
    assert verb("show", "latest", "--json").value["body"] == "From a pipe."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        (b"", "The request is empty"),
        (b" \n\t\n", "The request is empty"),
        (b"Gr\xfc\xdfe", "is not UTF-8: byte 3"),
        (b"\x7fELF\x00\x01", "is a binary file"),
        (b"a" * (REQUEST_MAX_BYTES + 1), "is larger than 1 MB"),
    ],
)
@pytest.mark.parametrize("command", ["submit", "run"])
def test_a_file_that_is_no_request_changes_nothing(
    verb: Verb, controller: Controller, repository: Path, command: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (repository.parent / "request.md").write_bytes(content)
    refused = verb(command, "--repo", "sample", "--file", "request.md")
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert controller.count("change_requests", "repositories") == [0, 0]
    assert controller.inspector.asked == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--repo", "sample"), "--file"),
        (("--repo", "sample", "--file", "a.md", "--body", "b"), "--file"),
        (("--repo", "sample", "--title", " ", "--body", "b"), "--title"),
        (("--repo", "sample/nothere", "--body", "b"), "--repo"),
        (("--repo", "", "--body", "b"), "--repo"),
        (("--repo", "unregistered", "--body", "b"), "--repo"),
        (("--repo", "https://user:secret@git.example.com/x", "--body", "b"), "--repo"),
        (("--repo", "sample", "--body", "b", "--title", "t" * 301), "--title"),
    ],
)
def test_a_refusal_names_the_option(
    verb: Verb, controller: Controller, repository: Path, arguments: tuple[str, ...], named: str
) -> None:
    assert repository.is_dir()
    refused = verb("submit", *arguments, "--json")
    assert refused.code == 2
    assert refused.value["field"] == named
    assert refused.value["remedy"]
    assert controller.count("change_requests") == [0]


def test_what_the_controller_finds_in_the_repository_reaches_the_person(
    verb: Verb, controller: Controller, repository: Path
) -> None:
    refusal = CallerError("The repository has no commits on any branch.", field="remote", remedy="Push a first commit.")
    controller.inspector.refusals[str(repository)] = refusal
    refused = verb("submit", "--repo", "sample", "--body", "Say hello.")
    assert refused.code == 2
    assert "Error: The repository has no commits on any branch. (--repo)" in refused.err
    assert "Push a first commit." in refused.err


def test_a_lost_answer_does_not_submit_twice(
    verb: Verb, controller: Controller, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert repository.is_dir()
    with bad_line(controller.url) as line:
        line.lose_answers = 2
        monkeypatch.setenv("CHANGELINE_URL", line.url)
        done = verb("submit", "--repo", "sample", "--body", "Say hello.")
    assert done.code == 0, done.err
    assert line.lose_answers == 0
    assert controller.count("change_requests") == [1]


def test_two_submissions_of_the_same_text_are_two(verb: Verb, controller: Controller, repository: Path) -> None:
    assert repository.is_dir()
    for _ in range(2):
        assert verb("submit", "--repo", "sample", "--body", "Say hello.").code == 0
    assert controller.count("change_requests") == [2]


@pytest.mark.parametrize("command", ["submit", "run"])
def test_without_a_model_nothing_starts_and_the_setting_is_named(
    verb: Verb, nowhere: Path, repository: Path, command: str
) -> None:
    assert repository.is_dir()
    refused = verb(command, "--repo", "sample", "--body", "Say hello.", "--json")
    assert refused.code == 2
    assert refused.value["field"] == "CHANGELINE_ANTHROPIC__API_KEY"
    assert not nowhere.exists()


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "CHANGELINE_ANTHROPIC__API_KEY"])
def test_with_a_key_but_without_a_controller_a_submission_says_what_to_start(
    verb: Verb, nowhere: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert repository.is_dir()
    monkeypatch.setenv(name, "dummy")
    refused = verb("submit", "--repo", "sample", "--body", "Say hello.")
    assert refused.code == 5
    assert "changeline up" in refused.err
    assert not nowhere.exists()


def test_a_scenario_that_cannot_be_played_is_refused_before_anything_starts(
    verb: Verb, nowhere: Path, repository: Path
) -> None:
    (repository.parent / "wrong.yaml").write_text("name: x\nscripts:\n- role: request_parser\n  turn: []\n")
    arguments = ("run", "--repo", "sample", "--body", "Say hello.", "--scenario")
    refused = verb(*arguments, "wrong.yaml")
    assert refused.code == 2
    assert "wrong.yaml:4: scripts.1.turn" in refused.err
    assert verb(*arguments, "nothere.yaml").code == 2
    assert not nowhere.exists()


def test_a_scenario_cannot_be_given_to_a_controller_elsewhere(
    verb: Verb, controller: Controller, repository: Path
) -> None:
    assert repository.is_dir()
    refused = verb("run", "--repo", "sample", "--body", "Say hello.", "--scenario", SCENARIO)
    assert refused.code == 2
    assert "plays its own model" in refused.err
    assert controller.count("change_requests") == [0]
