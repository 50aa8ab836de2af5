"""Writes dashboard/src/api/events.ts from the union of events: which there are, and which of them tell the course.

A browser hands over only the types that somebody listens for, so a type that the page forgets is never seen.
"""

from pathlib import Path

from pipeline.events import EVENT_CLASSES, type_of

PAGE = Path(__file__).parents[1] / "dashboard" / "src" / "api" / "events.ts"


def main() -> None:
    """Write the file."""
    PAGE.write_text(render())


def render() -> str:
    """Return the lists as TypeScript."""
    return "\n".join(
        [
            "// Written by `make docs` from pipeline/events.py.",
            "import type { Schemas } from '@/lib/api';",
            "",
            "type EventType = Schemas['EventView']['payload']['type'];",
            "",
            *_list(
                "EVENT_TYPES", "Every type of event that the stream can send.", [type_of(one) for one in EVENT_CLASSES]
            ),
            "",
            *_list(
                "MILESTONES",
                "Those that tell the course of a change request.",
                [type_of(one) for one in EVENT_CLASSES if one.milestone],
            ),
            "",
        ]
    )


def _list(name: str, says: str, types: list[str]) -> list[str]:
    return [f"/** {says} */", f"export const {name}: readonly EventType[] = [", *(f"  '{one}'," for one in types), "];"]


if __name__ == "__main__":
    main()
