"""Writes the picture of the state machine into docs/architecture.md, drawn from the graph as it is compiled.

Joins are drawn as part of their stage, and the edges that every stage has (to `pause`, and back from it) are said once in
words instead of sixteen times in lines; `exceptional_edges` lets a test check that what is said is true.
"""

from pathlib import Path

from langgraph.checkpoint.memory import InMemorySaver

from pipeline.change_request import Stage
from pipeline.line.graph import compile_line, join_name
from pipeline.stage.registry import declared, label, per_repository
from pipeline.stage.state import PAUSE, RESUME

PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
BEGIN = "<!-- state-machine:begin (drawn by `make docs` from the compiled graph; a test compares them) -->"
END = "<!-- state-machine:end -->"


def main() -> None:
    """Write the picture between its marks."""
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{picture()}\n{END}{after}")


def picture() -> str:
    """Return the line as a fenced Mermaid flowchart."""
    boxes = [f"    {stage.value}{_box(stage)}" for stage in Stage]
    forward = [f"    {source.value} --> {target.value}" for source, target in _moves() if target.number > source.number]
    back = [
        f"    {source.value} -. {'goes on' if declared(source).beside_the_line else 'sent back'} .-> {target.value}"
        for source, target in _moves()
        if target.number < source.number
    ]
    return "\n".join(["```mermaid", "flowchart TD", *boxes, *forward, *back, "```"])


def exceptional_edges() -> tuple[set[Stage], set[Stage]]:
    """Return the stages that can pause, and the stages that a resumed run can go on with."""
    edges = _edges()
    pausing = {stage for stage in Stage if (_decider(stage), PAUSE) in edges}
    resumable = {stage for stage in Stage if (RESUME, stage.value) in edges}
    return pausing, resumable


def _moves() -> list[tuple[Stage, Stage]]:
    edges = _edges()
    return [(source, target) for source in Stage for target in Stage if (_decider(source), target.value) in edges]


def _edges() -> set[tuple[str, str]]:
    drawn = compile_line(InMemorySaver()).get_graph()
    return {(edge.source, edge.target) for edge in drawn.edges}


def _decider(stage: Stage) -> str:
    return join_name(stage) if per_repository(stage) else stage.value


def _box(stage: Stage) -> str:
    words = label(stage).lower()
    return f'[["{words}, per repository"]]' if per_repository(stage) else f'["{words}"]'


if __name__ == "__main__":
    main()
