"""Any text from outside, in any field of any event: stored, numbered, read and told to browser and terminal without an error."""

import json
import os
from collections.abc import Callable
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cli.client import Event as ToldEvent
from cli.narration import narrate
from cli.output import printable
from pipeline import events
from pipeline.gates.content import OthersCommit
from pipeline.stage.artifacts import Artifact, whole_text
from pipeline.store.engine import Database
from pipeline.store.events import Events

PIECES = [
    "\0", "\ud800", "\udcff", "\x1b[31m", "\x1b]0;t\x07", "\u202e", "\u2028", "\r\n", "\ufffe", "😀", "é", "[red]", "a" * 3_000,
    os.fsdecode(b"\xe9\xff.py"), "<script>", "-----BEGIN", "%s", "{0}",
]  # fmt: skip
FOREIGN = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=4).map("".join)


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Return values of a field's type, its texts foreign."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        return st.one_of(*map(of, parts))
    if origin is Literal:
        return st.sampled_from(parts)
    if origin in {tuple, list} and parts:
        return st.lists(of(parts[0]), max_size=2).map(tuple)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: FOREIGN, int: st.integers(0, 9), float: st.just(1.5), bool: st.booleans(), type(None): st.none(),
    }  # fmt: skip
    return plain.get(kind, st.nothing())


@st.composite
def foreign_events(draw: Callable[[st.SearchStrategy[Any]], Any]) -> events.Event:
    chosen = draw(st.sampled_from(events.EVENT_CLASSES))
    values = {}
    for name, field in chosen.model_fields.items():
        made = of(field.annotation)
        if not made.is_empty and name != "type":
            values[name] = draw(made)
    event: events.Event = chosen(**values)
    return event


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(foreign_events())
async def test_no_text_keeps_an_event_from_being_stored_read_and_told(
    store: Database, cr: str, event: events.Event
) -> None:
    async with store.transaction() as connection:
        await Events(connection).append(cr, event)
    async with store.transaction() as connection:
        await Events(connection).number()
        (read,) = (await Events(connection).newest(1))[-1:]
    known = events.read_event(read.payload)
    assert type(known) is type(event)
    sent = json.dumps(read.payload, ensure_ascii=False).encode()
    assert b"\0" not in sent
    told = narrate(ToldEvent(seq=read.seq, cr_id=cr, at=read.at, type=read.type, payload=known))
    assert printable(told or "").encode() == (told or "").encode() and "\n" not in (told or "")


MOVES = Artifact("moves", TypeAdapter(list[OthersCommit]))


@settings(max_examples=50, deadline=None)
@given(FOREIGN)
def test_no_text_keeps_a_file_of_a_change_request_from_being_kept(subject: str) -> None:
    kept = MOVES.decoded(MOVES.encoded([OthersCommit(commit="c" * 40, subject=subject)]))
    assert kept[0].subject == whole_text(subject)
