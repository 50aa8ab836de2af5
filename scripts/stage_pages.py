"""Writes what people read about stages, from what the stages declare: the table of docs/architecture.md, the dashboard's list.

Problem: a label, an order or a reason written by hand in a second place is wrong after the next change. Choice: both are
rendered from the declarations; tests compare. Invariant: `make docs` is the only hand that writes them.
"""

import json
from pathlib import Path

from pipeline.change_request import Stage
from pipeline.line.routing import reachable
from pipeline.stage.registry import after_handback, declared, label
from pipeline.stage.state import PAUSE

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- stages:begin (written by `make docs` from the stages' declarations; a test compares them) -->"
END = "<!-- stages:end -->"
DASHBOARD = ROOT / "dashboard" / "src" / "api" / "stages.ts"
_HEAD = """// Written by `make docs` from the stages' declarations; a test compares them.
import type { components } from '@/api/schema';

export interface StageFacts {
  readonly stage: components['schemas']['Stage'];
  readonly label: string;
  /** What it does, without a subject. */
  readonly explanation: string;
  /** Beside the line: only work that a person hands back passes it, before this stage and those after it. */
  readonly leadsTo: components['schemas']['Stage'] | null;
}

/** Every stage there is: the line in order, then what stands beside it. */
export const EVERY_STAGE: readonly StageFacts[] = [
"""


def main() -> None:
    """Write both."""
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}")
    DASHBOARD.write_text(listed())


def table() -> str:
    """Return the stages as rows of a Markdown table."""
    head = ["| stage | does | can send back to | stops as |", "|---|---|---|---|"]
    return "\n".join([*head, *(_row(stage) for stage in Stage)])


def listed() -> str:
    """Return the stages as a TypeScript module."""
    return _HEAD + "".join(f"  {_entry(stage)},\n" for stage in Stage) + "];\n"


def _row(stage: Stage) -> str:
    declaration = declared(stage)
    back = declaration.sends_back
    reasons = [*([back.paused_as] if back else []), *declaration.pauses_as]
    where = label(back.to).lower() if back else ""
    if declaration.beside_the_line:
        where = "goes on with " + ", ".join(label(Stage(name)).lower() for name in reachable(stage) if name != PAUSE)
    cells = [label(stage).lower(), declaration.explanation, where, ", ".join(f"`{one.value}`" for one in reasons)]
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def _entry(stage: Stage) -> str:
    declaration = declared(stage)
    leads_to = _quoted(after_handback()[0].value) if declaration.beside_the_line else "null"
    return (
        f"{{ stage: {_quoted(stage.value)}, label: {_quoted(declaration.label)}, "
        f"explanation: {_quoted(declaration.explanation)}, leadsTo: {leads_to} }}"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    main()
