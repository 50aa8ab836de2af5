"""What the description of the API allows is understood, and nothing that can be sent at all is answered 5xx."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.change_request import PauseReason
from pipeline.store.engine import Database
from tests.controller import line
from tests.controller.conftest import Starter
from tests.controller.fakes import ScriptedLauncher
from tests.controller.published_schema import published_schema
from tests.controller.schema_values import Schema, allowed, odd, odd_texts

WHOLE: Schema = published_schema()
METHODS = ("get", "post", "put", "patch", "delete")
KNOWN = {
    "cr_id": [line.CR, "cr-2", "cr-3"], "name": ["sample"], "section": ["pipeline", "dispatch", "notifications"],
    "commit": list(line.SNAPSHOTS),
}  # fmt: skip
"""Of what `line` made, so that requests get further than "there is no such thing"."""
NOT_THE_SCHEMAS_TO_SAY = "Correct this field; nothing was stored."
"""How a value is refused by its form: what the schema should have said."""
SAID_IN_WORDS = {"base_branch", "behaviour_path", "value", "answer", "pipeline", "dispatch", "notifications"}
"""Fields whose description says what a schema cannot: git's rules for names, paths that every system can hold, depth and texts
within any object, and the sections of the settings, each of which has a schema of its own.
"""


Filled = tuple[httpx2.Client, dict[str, list[str]]]
"""A client, and values of parameters that something stands behind."""


class Operation(NamedTuple):
    """One route and method."""

    method: str
    path: str
    about: Schema

    @property
    def parameters(self) -> list[Schema]:
        return list(self.about.get("parameters", ()))

    @property
    def body(self) -> Schema | None:
        content = self.about.get("requestBody", {}).get("content", {})
        found: Schema | None = content.get("application/json", {}).get("schema")
        return found


OPERATIONS = [
    Operation(method, path, about)
    for path, item in WHOLE["paths"].items()
    for method, about in item.items()
    # 503 is what a controller without workers has to say about its readiness.
    if method in METHODS and path != "/readyz"
]


class Call(NamedTuple):
    """A request as it is sent."""

    method: str
    address: str
    headers: dict[bytes, bytes]
    content: bytes | None

    def sent_by(self, client: httpx2.Client) -> httpx2.Response:
        return client.request(self.method, self.address, headers=self.headers, content=self.content)


async def _filled(url: str) -> dict[str, list[str]]:
    store = Database(url, tenant="default")
    try:
        await line.queued(store)
        await line.worked(store)
        await line.turned(store)
        await line.queued(store, "cr-2")
        await line.paused(store, PauseReason.REVIEW_LOOP, "cr-2")
        await line.queued(store, "cr-3")
        gate = await line.at_gate(store, cr_id="cr-3")
    finally:
        await store.close()
    return {**KNOWN, "gate_id": [gate.id]}


@pytest.fixture
def filled(start: Starter) -> Iterator[Filled]:
    known = asyncio.run(_filled(start.database.app_url))
    with start.running(launcher=ScriptedLauncher(ready=False)) as controller:
        yield controller.client(), known


@st.composite
def calls(draw: st.DrawFn, known: dict[str, list[str]], *, by_schema: bool) -> Call:
    """A request to any route: with values that its schema allows, or with whatever fits through HTTP."""
    operation = draw(st.sampled_from(OPERATIONS))
    values = {one["name"]: _parameter(draw, one, known, by_schema=by_schema) for one in operation.parameters}
    places = {one["name"]: one["in"] for one in operation.parameters}
    address = operation.path
    for name, place in places.items():
        if place == "path":
            address = address.replace("{" + name + "}", _escaped(values[name]))
    query = "&".join(
        f"{name}={_escaped(one)}"
        for name, place in places.items()
        if place == "query" and values[name] is not None
        for one in (values[name] if isinstance(values[name], list) else [values[name]])
    )
    headers = {
        name: bytes(
            one for one in _plain(values[name]).encode("utf-8", "replace") if one >= 0x20 and one != 0x7F
        ).strip()
        for name, place in places.items()
        if place == "header" and values[name] is not None
    }
    headers |= {b"accept": b"application/json"}
    content = None
    if operation.body is not None:
        body = draw(allowed(operation.body, WHOLE) if by_schema else _nearly(operation.body))
        content = json.dumps(body).encode()
        headers[b"content-type"] = b"application/json"
    return Call(operation.method.upper(), f"{address}?{query}" if query else address, headers, content)


def _parameter(draw: st.DrawFn, about: Schema, known: dict[str, list[str]], *, by_schema: bool) -> Any:
    if about["name"] in known and draw(st.integers(0, 3)):
        return draw(st.sampled_from(known[about["name"]]))
    if by_schema:
        value = draw(allowed(about["schema"], WHOLE))
        return value if about.get("required") or draw(st.booleans()) else None
    return draw(odd_texts())


def _nearly(schema: Schema) -> st.SearchStrategy[Any]:
    """What the schema allows with one thing exchanged, or anything."""

    def spoiled(value: Any, name: str, other: Any) -> Any:
        return {**value, name: other} if isinstance(value, dict) else other

    names = st.sampled_from([*_properties(schema), "more"])
    return st.one_of(st.builds(spoiled, allowed(schema, WHOLE), names, odd()), odd())


def _properties(schema: Schema) -> list[str]:
    if "$ref" in schema:
        return list(WHOLE["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]].get("properties", ()))
    return [name for one in schema.get("anyOf", ()) for name in _properties(one)]


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | None) else str(value)


def _escaped(value: Any) -> str:
    # What is too long for a request line never arrives; half of that still tries every limit.
    return quote(_plain(value)[:8_000].encode("utf-8", "surrogatepass"), safe="") or "%20"


def _tries(number: int) -> settings:
    late = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=number, deadline=None, suppress_health_check=late)


NUMBERS = [80, pytest.param(2_000, marks=pytest.mark.thorough)]
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")
"""The controller runs in this process and jitters."""


@pytest.mark.parametrize("field", ["base_branch", "behaviour_path"])
def test_what_a_pattern_cannot_say_is_said_in_words_and_refused_under_the_name_of_its_field(
    filled: Filled, field: str
) -> None:
    client, _ = filled
    text, _ = WHOLE["components"]["schemas"]["RepositoryRegistration"]["properties"][field]["anyOf"]
    assert text["description"]
    answer = client.post("/api/v1/repositories", json={"remote": "/srv/tool", field: "a\\b"})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize("number", NUMBERS)
def test_what_the_schema_allows_is_not_refused_for_its_form(filled: Filled, number: int) -> None:
    client, known = filled

    @_tries(number)
    @given(calls(known, by_schema=True))
    def holds(call: Call) -> None:
        answer = call.sent_by(client)
        assert answer.status_code < 500, (call, answer.text)
        assert answer.status_code != 400, (call, answer.text)
        if answer.status_code == 422:
            problem = answer.json()
            assert problem["field"] and problem["remedy"], (call, problem)
            if problem["remedy"] == NOT_THE_SCHEMAS_TO_SAY:
                assert any(part in SAID_IN_WORDS for part in problem["field"].split(".")), (call, problem)

    holds()


@pytest.mark.parametrize("number", NUMBERS)
def test_whatever_is_sent_is_answered_below_500(filled: Filled, number: int) -> None:
    client, known = filled

    @_tries(number)
    @given(calls(known, by_schema=False))
    def holds(call: Call) -> None:
        answer = call.sent_by(client)
        assert answer.status_code < 500, (call, answer.text)
        if answer.status_code in {400, 422}:
            assert answer.json()["detail"], call

    holds()
