"""The adapter against the scripted model: everything that can go wrong on the way, told by who must act."""

import asyncio
from dataclasses import replace

import pytest

from pipeline.adapters.model_providers.anthropic import AnthropicProvider
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded, TransientError
from pipeline.ports import ModelRequest, Usage
from tests.scripted import ScriptedServer

REQUEST = ModelRequest(
    model="scripted",
    system=({"type": "text", "text": "Role: code_writer", "cache_control": {"type": "ephemeral"}},),
    tools=({"type": "bash_20250124", "name": "bash"},),
    messages=({"role": "user", "content": [{"type": "text", "text": "Go."}]},),
    max_tokens=500,
    timeout_s=5,
)
SPEECH = "word " * 100


def one_turn(turn: str) -> str:
    return f"name: t\nscripts: [{{role: code_writer, turns: [{turn}]}}]"


async def test_an_answer_arrives_whole_with_usage_and_streams_its_text(
    scripted: ScriptedServer, provider: AnthropicProvider
) -> None:
    scripted.play(one_turn(f"{{text: '{SPEECH}', tools: [{{name: bash, input: {{command: ls}}}}]}}"))
    heard: list[str] = []
    seen: list[Usage] = []

    answer = await provider.ask(REQUEST, heard.append, seen.append)

    assert answer.content[0] == {"type": "text", "text": SPEECH}
    call = answer.content[1]
    assert call["type"] == "tool_use"
    assert call["input"] == {"command": "ls"}
    assert "".join(heard) == SPEECH
    assert (answer.model, answer.stop_reason) == ("scripted", "tool_use")
    assert answer.request_id == "msg_scripted_000001"
    assert not answer.usage.estimated
    assert answer.usage.cache_write_tokens > 0
    assert seen[0].cache_write_tokens == answer.usage.cache_write_tokens
    assert seen[-1].estimated
    assert 100 < seen[-1].output_tokens < 300


@pytest.mark.parametrize("status", [429, 500, 502, 529])
async def test_an_overloaded_provider_is_worth_another_try(
    scripted: ScriptedServer, provider: AnthropicProvider, status: int
) -> None:
    scripted.play(one_turn(f"{{text: hi, fault: {{status: {status}, retry_after_s: 7}}}}"))

    with pytest.raises(TransientError) as failure:
        await provider.ask(REQUEST)

    assert failure.value.retry_after_s == 7
    assert failure.value.facts["status"] == status
    assert (await provider.ask(REQUEST)).content == ({"type": "text", "text": "hi"},)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "CHANGELINE_ANTHROPIC__API_KEY"),
        (403, "CHANGELINE_ANTHROPIC__API_KEY"),
        (404, "CHANGELINE_ANTHROPIC__BASE_URL"),
        (400, "refused the request as invalid"),
        (413, "refused the request as invalid"),
    ],
)
async def test_an_error_that_no_retry_mends_asks_for_a_person_and_names_the_setting(
    scripted: ScriptedServer, provider: AnthropicProvider, status: int, words: str
) -> None:
    scripted.play(one_turn(f"{{text: hi, fault: {{status: {status}}}}}"))

    with pytest.raises(PersonNeeded) as failure:
        await provider.ask(REQUEST)

    assert failure.value.reason is PauseReason.PROVIDERS_DOWN
    assert words in failure.value.message
    assert "dummy" not in failure.value.message


@pytest.mark.parametrize("fault", ["truncate", "drop", "malformed", "garbage_input"])
async def test_a_broken_stream_is_never_an_answer_and_tells_what_it_cost(
    scripted: ScriptedServer, provider: AnthropicProvider, fault: str
) -> None:
    scripted.play(one_turn(f"{{text: '{SPEECH}', tools: [{{name: bash, input: {{}}}}], fault: {{stream: {fault}}}}}"))

    with pytest.raises(TransientError) as failure:
        await provider.ask(REQUEST)

    facts = failure.value.facts
    assert isinstance(facts["cache_write_tokens"], int)
    assert facts["cache_write_tokens"] > 0
    assert isinstance(facts["output_tokens"], int)
    assert facts["output_tokens"] > 1


async def test_a_stalled_stream_is_cut(scripted: ScriptedServer, provider: AnthropicProvider) -> None:
    scripted.play(one_turn(f"{{text: '{SPEECH}', fault: {{stall_s: 3}}}}"))

    with pytest.raises(TransientError, match="ReadTimeout"):
        await provider.ask(REQUEST)


async def test_a_call_that_takes_too_long_in_all_is_cut(scripted: ScriptedServer) -> None:
    scripted.play(one_turn("{text: hi, delay_ms: 3000}"))
    patient = AnthropicProvider(api_key="dummy", base_url=scripted.base_url, max_retries=0)

    with pytest.raises(TransientError, match=r"No complete answer in 0\.2 s"):
        await patient.ask(replace(REQUEST, timeout_s=0.2))

    await patient.aclose()


async def test_nobody_listening_is_worth_another_try() -> None:
    lonely = AnthropicProvider(api_key="dummy", base_url="http://127.0.0.1:9", max_retries=0)

    with pytest.raises(TransientError, match="connection"):
        await lonely.ask(REQUEST)

    await lonely.aclose()


async def test_cancelling_closes_the_stream_at_once(scripted: ScriptedServer, provider: AnthropicProvider) -> None:
    scripted.play(one_turn(f"{{text: '{SPEECH}', fault: {{stall_s: 30}}}}"))
    heard = asyncio.Event()
    call = asyncio.create_task(provider.ask(REQUEST, lambda _: heard.set()))
    await heard.wait()

    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_truncated_tool_input_of_a_cut_answer_is_left_empty(
    scripted: ScriptedServer, provider: AnthropicProvider
) -> None:
    scripted.play(
        one_turn(
            "{tools: [{name: bash, input: {command: ls}}], stop_reason: max_tokens, fault: {stream: garbage_input}}"
        )
    )

    answer = await provider.ask(REQUEST)

    assert answer.stop_reason == "max_tokens"
    assert answer.content[0]["type"] == "tool_use"
    assert answer.content[0]["input"] == {}


async def test_nothing_of_the_environment_reaches_the_provider(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-key")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "canary-token")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-canary: canary-header\nx-api-key: canary-key")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    scripted.play(one_turn("{text: hi}"))
    adapter = AnthropicProvider(api_key="dummy", base_url=scripted.base_url, max_retries=0)

    await adapter.ask(REQUEST)
    await adapter.aclose()

    (headers,) = scripted.headers
    assert headers["authorization"] == "Bearer dummy"
    assert "canary" not in str(headers)
