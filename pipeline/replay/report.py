"""All of a recording replayed, and the first thing that came out differently."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.replay import line, verdicts
from pipeline.replay.conversations import Replayed, replay_conversation
from pipeline.replay.recording import Conversation, Recording

_SHOWN_MAX_CHARS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first decision that differs: where it is, what was recorded, what the present code does."""

    kind: str
    """`conversation`, `verdict` or `routing`."""
    attempt: int
    stage: str | None
    repository: str | None
    role: str | None
    instance: str | None
    turn: int | None
    seq: int | None
    what: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was replayed. `divergence` is None when everything came out as recorded."""

    cr_id: str
    title: str
    code_versions: tuple[str, ...]
    conversations: int
    unfinished: int
    """Conversations that were cut for good: replayed as far as they go."""
    turns: int
    requests_checked: int
    requests_unchecked: int
    """Of older journals, which keep no hash of what was sent: compared by its size only."""
    judged_by_shape: int
    """Conversations of older journals, which keep no facts: their rejected submissions are taken as recorded."""
    verdicts: int
    steps: int
    divergence: Divergence | None

    @property
    def ok(self) -> bool:
        """Whether everything came out as recorded."""
        return self.divergence is None

    def plain(self) -> dict[str, Any]:
        """Return the report as JSON-plain data."""
        return {"ok": self.ok, **asdict(self)}


async def replay(recording: Recording) -> Report:
    """Replay every conversation in the order in which they began, then the verdicts, then the way through the line."""
    done: list[Replayed] = []
    divergence: Divergence | None = None
    for conversation in recording.conversations:
        replayed = await replay_conversation(recording, conversation)
        done.append(replayed)
        if replayed.difference is not None:
            divergence = _of_conversation(recording, conversation, replayed)
            break
    divergence = divergence or _of_stages(recording)
    body = recording.body
    return Report(
        cr_id=body.change_request.id, title=body.change_request.title,
        code_versions=tuple(dict.fromkeys(one.code_version for one in body.attempts if one.code_version)),
        conversations=len(done), unfinished=sum(not one.finished and one.difference is None for one in done),
        turns=sum(one.turns for one in done), requests_checked=sum(one.requests_checked for one in done),
        requests_unchecked=sum(one.requests_unchecked for one in done),
        judged_by_shape=sum(not one.facts_known for one in done), verdicts=verdicts.counted(recording),
        steps=line.counted(recording), divergence=divergence,
    )  # fmt: skip


def _of_conversation(recording: Recording, conversation: Conversation, replayed: Replayed) -> Divergence:
    key, difference = conversation.key, replayed.difference
    expected, got = (difference.expected, difference.got) if difference else (None, None)
    return Divergence(
        kind="conversation", attempt=key.attempt, stage=recording.stage_of(key.activation), repository=None, role=key.role,
        instance=key.instance, turn=replayed.turns, seq=replayed.entries,
        what=(difference.what if difference else "") or "The loop writes another entry.",
        expected=_shown(expected, got), got=_shown(got, expected),
    )  # fmt: skip


def _of_stages(recording: Recording) -> Divergence | None:
    for kind, found in (("verdict", verdicts.differences(recording)), ("routing", line.differences(recording))):
        first = next(found, None)
        if first is not None:
            return Divergence(
                kind=kind, attempt=first.attempt, stage=first.stage, repository=first.repository or None, role=None,
                instance=None, turn=None, seq=None, what=first.what, expected=_shown(first.expected, first.got),
                got=_shown(first.got, first.expected),
            )  # fmt: skip
    return None


def _shown(value: Any, other: Any) -> str:
    """Return a value in words, reduced to what differs."""
    if isinstance(value, dict) and isinstance(other, dict):
        value = {name: one for name, one in value.items() if name == "entry" or name not in other or other[name] != one}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_MAX_CHARS else f"{text[:_SHOWN_MAX_CHARS]}…"
