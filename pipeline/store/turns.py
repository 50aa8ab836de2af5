"""The turns that changed files, read from the journal: who, when, and from which snapshot to which.

Problem: entries are stored as text and are large, and only a few short facts of them are wanted. Choice: the database cuts
these facts out of the text. That is exact: a quote inside a JSON string is escaped, so `"commit":"` can only be a key, and
in the entries `opened` and `observed` no other object has it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.store.tables import journal

_COMMIT = '"commit":"([0-9a-f]{40,64})"'
_TURN = '"turn":([0-9]{1,9})'
_REPOSITORY = '"repository":"([^"]+)"'
_SUBMITTED = '"submission":[{]'


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn that changed files: `since` is the snapshot before it, `commit` the one after."""

    turn: int
    since: str
    commit: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class EditingConversation:
    """One conversation of an agent that works on a tree, with the turns that changed something."""

    attempt: int
    activation: str
    role: str
    instance: str
    repository: str
    number: int
    """Which conversation of its role in its repository and attempt it is, from 1."""
    since: str
    at: datetime
    ended: bool = False
    """Whether the agent handed in its work."""
    turns: list[Turn] = field(default_factory=list)

    @property
    def commit(self) -> str:
        """The newest snapshot."""
        return self.turns[-1].commit if self.turns else self.since


async def editing_conversations(connection: AsyncConnection, cr_id: str) -> list[EditingConversation]:
    """Return the conversations of all attempts in which anything changed, in the order they began."""
    key = (journal.c.attempt, journal.c.activation, journal.c.role, journal.c.instance)
    query = (
        select(
            *key,
            journal.c.kind,
            journal.c.at,
            func.substring(journal.c.body, _COMMIT).label("commit"),
            func.substring(journal.c.body, _REPOSITORY).label("repository"),
            func.substring(journal.c.body, _TURN).label("turn"),
            func.substring(journal.c.body, _SUBMITTED).label("submitted"),
        )
        .where(journal.c.cr_id == cr_id, journal.c.kind.in_(["opened", "observed"]))
        .order_by(journal.c.at, *key, journal.c.seq)
    )
    return _numbered(_folded(await connection.execute(query)))


def _folded(rows: Iterable[Row[Any]]) -> Iterable[EditingConversation]:
    found: dict[tuple[int, str, str, str], EditingConversation] = {}
    for row in rows:
        key = (row.attempt, row.activation, row.role, row.instance)
        if row.kind == "opened":
            if row.commit is not None and key not in found:
                found[key] = _begun(row)
        elif key in found:
            _continued(found[key], row)
    return found.values()


def _begun(row: Row[Any]) -> EditingConversation:
    # Conversations of earlier versions name their repository only at the beginning of the instance.
    repository = row.repository or row.instance.partition("/")[0]
    return EditingConversation(
        attempt=row.attempt, activation=row.activation, role=row.role, instance=row.instance,
        repository=repository, number=0, since=row.commit, at=row.at,
    )  # fmt: skip


def _continued(one: EditingConversation, row: Row[Any]) -> None:
    one.ended = one.ended or row.submitted is not None
    if row.commit is not None and row.turn is not None and row.commit != one.commit:
        one.turns.append(Turn(turn=int(row.turn), since=one.commit, commit=row.commit, at=row.at))


def _numbered(found: Iterable[EditingConversation]) -> list[EditingConversation]:
    """Number the conversations, those without a change too, so that a number means the same later on."""
    counted: dict[tuple[int, str, str], int] = {}
    for one in found:
        key = (one.attempt, one.role, one.repository)
        one.number = counted[key] = counted.get(key, 0) + 1
    return [one for one in found if one.turns]
