"""Declarations of what is kept as files of a change request: each kind once, with the type that it holds.

Problem: whoever kept a file encoded it by hand, and whoever read it decoded it by hand, somewhere else. Choice: one
`Artifact` per kind, beside the code that makes it, which encodes and decodes; `Bytes` where the content is no JSON.
Invariant: what an earlier version stored is still read, so a new field of a stored type has a default.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from pipeline.ports.records import ArtifactStore

T = TypeVar("T")
Facts = Mapping[str, str | int | bool]
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Artifact(Generic[T]):
    """One kind of file whose content is JSON of a type."""

    kind: str
    holds: TypeAdapter[T]

    async def save(self, store: ArtifactStore, name: str, content: T, facts: Facts | None = None) -> str:
        """Keep it and return the SHA-256 of its bytes; the newest of a name wins."""
        return await store.save(
            kind=self.kind, name=name, content=self.encoded(content), media_type=JSON, facts=facts or {}
        )

    async def load(self, store: ArtifactStore, name: str) -> T | None:
        """Return the newest of a name, None when there is none."""
        stored = await store.load(self.kind, name)
        return None if stored is None else self.decoded(stored)

    def encoded(self, content: T) -> bytes:
        """Return the bytes that are stored; half a character, as an odd file's name has it, is replaced."""
        try:
            return self.holds.dump_json(content)
        except PydanticSerializationError:
            return json.dumps(_whole(self.holds.dump_python(content, mode="json")), ensure_ascii=False).encode()

    def decoded(self, stored: bytes) -> T:
        """Return what stored bytes hold."""
        return self.holds.validate_json(stored)


def whole_text(text: str) -> str:
    """Return a text that any encoder takes: half a character, as an odd file's name has it, is replaced."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _whole(value: Any) -> Any:
    match value:
        case str():
            return whole_text(value)
        case dict():
            return {_whole(name): _whole(part) for name, part in value.items()}
        case list():
            return [_whole(part) for part in value]
        case _:
            return value


@dataclass(frozen=True, slots=True)
class Bytes:
    """One kind of file that is kept as it is."""

    kind: str
    media_type: str = JSON

    async def save(self, store: ArtifactStore, name: str, content: bytes, facts: Facts | None = None) -> str:
        """Keep it and return its SHA-256; the newest of a name wins."""
        return await store.save(
            kind=self.kind, name=name, content=content, media_type=self.media_type, facts=facts or {}
        )
