"""Writes what `pipeline.pause_reasons` declares for those who cannot import it: the dashboard's words and the docs' table.

A test compares both files with what this would write today.
"""

import json
from pathlib import Path

from pipeline.pause_reasons import PAUSE_REASONS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "pause-reasons.md"
WORDS = ROOT / "dashboard" / "src" / "api" / "pause-reasons.ts"


def main() -> None:
    """Write both files."""
    PAGE.write_text(page())
    WORDS.write_text(words())


def page() -> str:
    """Return the table for operators and approvers."""
    rows = [f"| `{reason.value}` | {one.title} | {one.next_step} |" for reason, one in sorted(PAUSE_REASONS.items())]
    return "\n".join(
        [
            "# Pause reasons",
            "",
            "Written by `make docs` from the pipeline's own declarations; a test keeps it fresh.",
            "",
            "A change request that reaches a dead end is `paused` with one of these reasons, a message and facts. Nothing",
            "fails by itself: a person reads the reason and decides.",
            "",
            "| reason | what happened | what gets it going |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def words() -> str:
    """Return the same words as TypeScript, where a reason without words does not compile."""
    entries = [
        f"  {reason.value}: {{ title: {_text(one.title)}, next: {_text(one.next_step)}, "
        f"view: {_text(one.view.value) if one.view else 'null'} }},"
        for reason, one in PAUSE_REASONS.items()
    ]
    views = " | ".join(_text(view) for view in sorted({one.view.value for one in PAUSE_REASONS.values() if one.view}))
    return "\n".join(
        [
            "// Written by `make docs` from pipeline/pause_reasons.py.",
            "import type { Schemas } from '@/lib/api';",
            "",
            f"type View = {views};",
            "",
            "/** Why a change request stopped, what gets it going again, and where to look. */",
            "export const PAUSE: Record<Schemas['PauseReason'], { title: string; next: string; view: View | null }> = {",
            *entries,
            "};",
            "",
        ]
    )


def _text(words: str) -> str:
    """Return a TypeScript string as the house writes it: in single quotes."""
    inner = json.dumps(words, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{inner}'"


if __name__ == "__main__":
    main()
