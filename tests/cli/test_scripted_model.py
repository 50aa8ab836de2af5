"""The scripted model as a program and as a reader of scenarios."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cli.scenario import NoScript, ScenarioError, load_scenario, parse_scenario
from tests.scripted import ScriptedServer, scripted_server

ROOT = Path(__file__).parents[2]
SCENARIO = """
name: sample
scripts:
  - role: code_writer
    when: {contains: [greet, "übel"], not_contains: red}
    turns:
      - {text: one}
      - {text: two}
  - role: code_writer
    repeat: true
    turns: [{text: fallback}]
  - {role: quality_reviewer, turns: [{tools: [{name: submit_review, input: {findings: []}}]}]}
"""


def request(role: str, *said: str, answers: int = 0) -> dict[str, Any]:
    messages = [{"role": "user", "content": [{"type": "text", "text": text}]} for text in said]
    messages += [{"role": "assistant", "content": "…"}] * answers
    return {"model": "m", "max_tokens": 10, "system": f"Role: {role}\nMore.", "messages": messages}


def post(url: str, body: object) -> tuple[int, dict[str, Any]]:
    call = urllib.request.Request(f"{url}/v1/messages", json.dumps(body).encode(), method="POST")  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(call) as response:  # noqa: S310 - loopback
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def get(url: str) -> object:
    with urllib.request.urlopen(url) as response:  # noqa: S310 - loopback
        return json.load(response)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        running.play(SCENARIO)
        yield running


def test_the_first_script_that_fits_role_and_texts_is_played() -> None:
    scenario = parse_scenario(SCENARIO, "s")

    assert scenario.turn_for(request("code_writer", "greet", "übel"))[2].text == "one"
    assert scenario.turn_for(request("code_writer", "greet", "übel", answers=1))[2].text == "two"
    assert scenario.turn_for(request("code_writer", "greet übel red", answers=7))[2].text == "fallback"


def test_a_request_past_the_end_of_its_script_names_role_and_turn() -> None:
    with pytest.raises(NoScript, match=r"role 'quality_reviewer'.* has 1 turns, but turn 2"):
        parse_scenario(SCENARIO, "s").turn_for(request("quality_reviewer", "x", answers=1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: x\nscripts:\n  - rolle: a\n    turns: []", "f:3: scripts.1.rolle: Extra inputs"),
        ("name: x\nscripts:\n  - role: a\n    turns:\n      - txet: b", "f:5: scripts.1.turns.1.txet: Extra inputs"),
        ("name: x\nscripts:\n  - role: a\n    turns: [{fault: {}}]", "f:4: scripts.1.turns.1.fault:"),
        ("name: x\nscripts: [", "f:"),
        ("", "f:1: (whole file)"),
    ],
)
def test_a_wrong_scenario_is_refused_with_line_and_field(text: str, words: str) -> None:
    with pytest.raises(ScenarioError) as refusal:
        parse_scenario(text, "f")

    assert words in str(refusal.value)


def test_json_is_read_too_and_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"name": "j", "scripts": [{"role": "r", "turns": [{"text": "t"}]}]}))

    assert load_scenario(path).name == "j"
    with pytest.raises(ScenarioError, match="No such file"):
        load_scenario(tmp_path / "none.yaml")


def test_plain_answers_and_the_list_of_requests(server: ScriptedServer) -> None:
    body = request("quality_reviewer", "look")

    status, answer = post(server.base_url, body)

    assert get(f"{server.base_url}/requests") == [body]
    assert status == 200
    assert answer["model"] == "scripted"
    assert answer["content"][0]["name"] == "submit_review"
    assert answer["usage"]["input_tokens"] > 0


def test_an_unscripted_request_is_an_error_that_no_client_retries(server: ScriptedServer) -> None:
    status, answer = post(server.base_url, request("spec_writer", "hello there"))

    assert status == 500
    assert "no script for role 'spec_writer' at turn 1" in answer["error"]["message"]
    assert "hello there" in answer["error"]["message"]


def test_it_runs_as_a_program_and_prints_its_address(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(SCENARIO)
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cli.scripted_model", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as program:
        try:
            assert program.stdout is not None
            url = program.stdout.readline().strip()
            health = get(f"{url}/healthz")
        finally:
            program.terminate()

    assert url.startswith("http://127.0.0.1:")
    assert health == {"status": "ok", "model": "scripted", "scenario": "sample"}


def test_a_wrong_file_ends_the_program_with_code_2(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("name: x")

    done = subprocess.run(
        [sys.executable, "-m", "cli.scripted_model", str(path)],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "scripts: Field required" in done.stderr


async def test_it_says_which_streams_ended_and_whose_readers_left(server: ScriptedServer) -> None:
    server.play(
        "name: s\nscripts: [{role: a, turns: [{text: whole}]}, {role: b, turns: [{text: half, fault: {stall_s: 600}}]}]"
    )
    async with httpx2.AsyncClient(base_url=server.base_url, trust_env=False) as reader:
        whole = await reader.post("/v1/messages", json={**request("a", "."), "stream": True})
        assert "message_stop" in whole.text
        async with reader.stream("POST", "/v1/messages", json={**request("b", "."), "stream": True}) as half:
            assert "message_start" in await anext(half.aiter_lines())
    while server.model.streams[1].ended is None:
        await asyncio.sleep(0.01)
    assert [one.whole for one in server.model.streams] == [True, False]
    assert get(f"{server.base_url}/streams") == [asdict(one) for one in server.model.streams]
