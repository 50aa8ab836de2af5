"""YAML that somebody else wrote: bounded in size, depth and growth before anything is made of it.

Problem: a few lines of aliases make gigabytes, and deep nesting makes minutes. Choice: events are looked at one by one, and
reading ends at the first that goes too far.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import yaml

BYTES_MAX = 64 * 1024
DEPTH_MAX = 20
Loader: TypeAlias = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader  # type: ignore[valid-type]  # the same by contract


class GoesTooFar(ValueError):
    """It is too large, holds aliases, or is nested too deeply; the line is 0 where it is the whole."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


def composed(text: str) -> yaml.Node | None:
    """Return the first document as nodes, with their lines. Raises `yaml.YAMLError`, `ValueError` or `RecursionError`."""
    if len(text) > BYTES_MAX:
        raise GoesTooFar(f"it is larger than {BYTES_MAX // 1024} KiB")
    for _ in _bounded(text):
        pass
    return yaml.compose(text, Loader=Loader)


def table_of(text: str) -> dict[str, Any]:
    """Return the mapping that a document is; what cannot be read, or goes too far, is empty."""
    try:
        if composed(text) is None:
            return {}
        found = yaml.load(text, Loader=Loader)  # noqa: S506 - a safe loader, by either name
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _bounded(text: str) -> Iterator[yaml.Event]:
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise GoesTooFar("aliases are not read, write it out", _line(event))
        if depth > DEPTH_MAX:
            raise GoesTooFar("it is nested too deeply", _line(event))
        yield event


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
