"""One scripted model per test process, emptied for each test, and the real adapter in front of it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from pipeline.adapters.model_providers.anthropic import AnthropicProvider
from tests.scripted import SILENCE, ScriptedServer, scripted_server


@pytest.fixture(scope="session")
def _server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def scripted(_server: ScriptedServer) -> ScriptedServer:
    _server.play(SILENCE)
    return _server


@pytest.fixture
async def provider(scripted: ScriptedServer) -> AsyncIterator[AnthropicProvider]:
    adapter = AnthropicProvider(api_key="dummy", base_url=scripted.base_url, max_retries=0, stall_timeout_s=0.3)
    yield adapter
    await adapter.aclose()
