"""Claude by the official SDK, streaming. The only module that names it.

Problem: the SDK raises nothing for a stream that ends early, lets `httpx2` errors of a broken stream through unwrapped,
and reads headers and addresses from the environment. Choice: the raw events are put together here, a message counts
only if it was closed properly (`stop_reason`, `message_stop`, all blocks stopped), every way to fail is translated by
who must act, and key, address and headers come from the constructor alone.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import anthropic
import httpx2

from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded, TransientError
from pipeline.ports import DeltaListener, Json, ModelAnswer, ModelRequest, Usage, UsageListener
from pipeline.ports.messages import as_answer

PUBLIC_BASE_URL = "https://api.anthropic.com"
RETRYABLE = frozenset({408, 409, 429})
CHARACTERS_PER_TOKEN = 3
"""For output that was streamed but never counted, because the call was cut."""


class AnthropicProvider:
    """A `ModelProvider`. Use one per process and close it with `aclose`."""

    name = "anthropic"

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str | None = None,
        max_retries: int = 2,
        stall_timeout_s: float = 120.0,
    ) -> None:
        """`stall_timeout_s` is the longest silence inside a stream; pings count as life."""
        self._base_url = base_url or PUBLIC_BASE_URL
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=self._base_url,
            max_retries=max_retries,
            open_telemetry=False,
            http_client=httpx2.AsyncClient(
                verify=_trusted(),
                trust_env=False,
                follow_redirects=False,
                timeout=httpx2.Timeout(stall_timeout_s, connect=10.0),
            ),
        )
        self._client._custom_headers = {}  # noqa: SLF001 - the SDK fills it from ANTHROPIC_CUSTOM_HEADERS, with no public way to refuse

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def ask(
        self,
        request: ModelRequest,
        on_text: DeltaListener | None = None,
        on_usage: UsageListener | None = None,
    ) -> ModelAnswer:
        """See `ModelProvider.ask`."""
        message = _Assembly(on_text=on_text, on_usage=on_usage)
        try:
            async with asyncio.timeout(request.timeout_s):
                await self._stream(request, message)
        except anthropic.APIStatusError as error:
            raise self._translated(error, message) from error
        except (anthropic.APIConnectionError, httpx2.HTTPError, httpx2.StreamError) as error:
            raise TransientError(f"The connection to the model broke: {_name(error)}.", **message.facts()) from error
        except TimeoutError as error:
            raise TransientError(f"No complete answer in {request.timeout_s:g} s.", **message.facts()) from error
        except (anthropic.AnthropicError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise TransientError(f"The model's stream was malformed: {_name(error)}.", **message.facts()) from error
        return message.answer()

    async def _stream(self, request: ModelRequest, message: "_Assembly") -> None:
        stream: Any = await self._client.messages.create(
            model=request.model,
            system=list(request.system),  # type: ignore[arg-type]  # blocks cross this port as plain JSON
            tools=list(request.tools),  # type: ignore[arg-type]  # likewise
            messages=list(request.messages),  # type: ignore[arg-type]  # likewise
            max_tokens=request.max_tokens,
            stream=True,
        )
        async with stream:
            message.request_id = stream.response.headers.get("request-id")
            async for event in _events(stream):
                message.take(event)

    def _translated(self, error: anthropic.APIStatusError, message: "_Assembly") -> TransientError | PersonNeeded:
        status = error.status_code
        said = error.api_message or error.message
        if not message.started and 300 <= status < 400:  # noqa: PLR2004 - a redirect, which is never followed with a key
            return PersonNeeded(PauseReason.PROVIDERS_DOWN, self._remedy(status, "redirect"), status=status)
        in_stream = message.started or status < 400  # noqa: PLR2004 - an error event arrives inside a 200
        if in_stream:
            status = _STATUS_OF_ERROR_TYPE.get(error.type or "", 500)
        if status in RETRYABLE or status >= 500:  # noqa: PLR2004 - server errors
            return TransientError(
                f"The model provider answered {status}: {said}",
                retry_after_s=_retry_after_s(error.response),
                status=status,
                request_id=error.request_id,
                **message.facts(),
            )
        return PersonNeeded(
            PauseReason.PROVIDERS_DOWN, self._remedy(status, said), status=status, request_id=error.request_id
        )

    def _remedy(self, status: int, said: str) -> str:
        if status in {401, 403}:
            return (
                f"The model provider at {self._base_url} refused the key ({status}: {said}). "
                "Check CHANGELINE_ANTHROPIC__API_KEY (or ANTHROPIC_API_KEY)."
            )
        if status < 400:  # noqa: PLR2004 - a redirect
            return (
                f"The model provider at {self._base_url} redirects ({status}), and a key is not carried elsewhere. "
                "Set CHANGELINE_ANTHROPIC__BASE_URL to the address it redirects to."
            )
        if status == 404:  # noqa: PLR2004 - not found
            return (
                f"The model provider at {self._base_url} knows no such model or path ({said}). "
                "Check the model settings and CHANGELINE_ANTHROPIC__BASE_URL."
            )
        return f"The model provider refused the request as invalid ({status}: {said})."


def warm() -> None:
    """Play one answer through the SDK without any network, so that processes forked later need not build its models.

    The SDK builds a model's schema when it first meets one, which takes longer than the rest of a call.
    """
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "msg_0", "type": "message", "role": "assistant", "model": "none", "content": [], "usage": usage}
    tool = {"type": "tool_use", "id": "toolu_0", "name": "none", "input": {}}
    events: list[Json] = [
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": tool},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    answer = httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    )
    client = anthropic.Anthropic(
        api_key="none", max_retries=0, http_client=httpx2.Client(transport=answer, trust_env=False, verify=_trusted())
    )
    with client, client.messages.create(
        model="none", max_tokens=1, messages=[{"role": "user", "content": "."}], stream=True
    ) as stream:  # fmt: skip
        for event in stream:
            event.to_dict()


@cache
def _trusted() -> ssl.SSLContext:
    """Read the certificates once, or before the process forks."""
    return httpx2.create_ssl_context(trust_env=False)


_STATUS_OF_ERROR_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "overloaded_error": 529,
}


async def _events(stream: Any) -> AsyncIterator[Json]:
    async for event in stream:
        yield event.to_dict(warnings=False)


@dataclass(slots=True)
class _Assembly:
    """A message under construction, from raw stream events."""

    on_text: DeltaListener | None
    on_usage: UsageListener | None
    request_id: str | None = None
    started: bool = False
    stopped: bool = False
    model: str = ""
    stop_reason: str | None = None
    usage: Json = field(default_factory=dict)
    blocks: list[Json] = field(default_factory=list)
    open_blocks: set[int] = field(default_factory=set)
    tool_json: dict[int, str] = field(default_factory=dict)
    streamed_characters: int = 0

    def take(self, event: Json) -> None:
        """Apply one event, in order."""
        match event["type"]:
            case "message_start":
                self._start(event["message"])
            case "content_block_start":
                self._start_block(event["index"], event["content_block"])
            case "content_block_delta":
                self._extend_block(event["index"], event["delta"])
            case "content_block_stop":
                self.open_blocks.discard(event["index"])
            case "message_delta":
                self.stop_reason = _text(event["delta"].get("stop_reason") or "") or None
                self.usage.update(_counts(event["usage"]))
            case "message_stop":
                self.stopped = True
            case _:
                pass

    def answer(self) -> ModelAnswer:
        """Return the finished message. Raises `TransientError` if the stream ended before the message did."""
        if not (self.started and self.stopped and self.stop_reason) or self.open_blocks:
            raise TransientError("The model's stream ended before its message was complete.", **self.facts())
        for index, text in self.tool_json.items():
            self.blocks[index]["input"] = self._tool_input(text)
        for block in self.blocks:
            self._check(block)
        return ModelAnswer(
            model=self.model,
            content=as_answer(self.blocks),
            stop_reason=self.stop_reason,
            usage=self._usage(self.usage.get("output_tokens", 0), estimated=False),
            request_id=self.request_id,
        )

    def facts(self) -> dict[str, Any]:
        """Return what is known of the usage, for the error of a broken stream."""
        if not self.started:
            return {}
        usage = self._usage(self._output_so_far(), estimated=True)
        return {
            "input_tokens": usage.input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "cache_read_tokens": usage.cache_read_tokens,
            "output_tokens": usage.output_tokens,
        }

    def _start(self, message: Json) -> None:
        self.usage = _counts(message["usage"])
        self.model = _text(message["model"])
        self.started = True
        self._report()

    def _check(self, block: Json) -> None:
        """Refuse what could not be acted on or sent back later, before it is paid into the journal."""
        needed = {"text": ("text",), "tool_use": ("id", "name")}.get(block["type"], ())
        if not all(isinstance(block.get(name), str) for name in needed):
            raise TransientError(f"The model's answer holds a broken {block['type']} block.", **self.facts())

    def _start_block(self, index: int, block: Json) -> None:
        if index != len(self.blocks):
            raise ValueError(f"content block {index} arrived as number {len(self.blocks)}")
        self.blocks.append({key: value for key, value in block.items() if value is not None})
        self.open_blocks.add(index)
        if block["type"] == "tool_use":
            self.tool_json[index] = ""

    def _extend_block(self, index: int, delta: Json) -> None:
        block = self.blocks[index]
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
                self._streamed(delta["text"])
                if self.on_text is not None:
                    self.on_text(delta["text"])
            case "input_json_delta":
                self.tool_json[index] += delta["partial_json"]
                self._streamed(delta["partial_json"])
            case "thinking_delta":
                block["thinking"] = block.get("thinking", "") + delta["thinking"]
                self._streamed(delta["thinking"])
            case "signature_delta":
                block["signature"] = delta["signature"]
            case "citations_delta":
                block.setdefault("citations", []).append(delta["citation"])
            case other:
                raise ValueError(f"unknown delta {other!r}")

    def _streamed(self, text: str) -> None:
        self.streamed_characters += len(text)
        self._report()

    def _report(self) -> None:
        if self.on_usage is not None:
            self.on_usage(self._usage(self._output_so_far(), estimated=True))

    def _output_so_far(self) -> int:
        return max(int(self.usage.get("output_tokens", 0)), self.streamed_characters // CHARACTERS_PER_TOKEN)

    def _usage(self, output_tokens: int, *, estimated: bool) -> Usage:
        return Usage(
            input_tokens=self.usage.get("input_tokens") or 0,
            cache_write_tokens=self.usage.get("cache_creation_input_tokens") or 0,
            cache_read_tokens=self.usage.get("cache_read_input_tokens") or 0,
            output_tokens=output_tokens,
            estimated=estimated,
        )

    def _tool_input(self, text: str) -> Json:
        try:
            value = json.loads(text) if text else {}
        except json.JSONDecodeError:
            if self.stop_reason == "max_tokens":
                return {}
            raise TransientError("The model's tool input is not JSON.", **self.facts()) from None
        if not isinstance(value, dict):
            raise TransientError("The model's tool input is not a JSON object.", **self.facts())
        return value


def _counts(usage: Json) -> Json:
    """Return the token counts of a usage; anything that is no count would become a wrong price."""
    counts = {key: value for key, value in usage.items() if key.endswith("_tokens") and value is not None}
    if not all(isinstance(value, int) and value >= 0 for value in counts.values()):
        raise ValueError("the usage holds something that is no count")
    return counts


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.40} is no text")  # noqa: TRY004 - one kind of error for a malformed stream
    return value


def _retry_after_s(response: httpx2.Response) -> float | None:
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
