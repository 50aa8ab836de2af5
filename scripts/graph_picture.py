"""Draws the line into docs/architecture.md from the compiled graph, so that the picture cannot be wrong.

Join nodes are drawn as part of their stage, and the edges to `pause` and from `resume`, which every stage has, as one.
"""

from pathlib import Path

from langgraph.checkpoint.memory import InMemorySaver

from pipeline.change_request import Stage
from pipeline.graph import compile_line, join_name
from pipeline.state import PAUSE, PER_REPOSITORY, RESUME

PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
BEGIN = "<!-- state-machine:begin (compared with the compiled graph by a test) -->\n"
END = "<!-- state-machine:end -->"


def main() -> None:
    """Write the picture between its marks."""
    before, _, after = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{graph_picture()}{END}{after.partition(END)[2]}")


def drawn() -> str:
    """Return what stands between the marks of the page."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


def graph_picture() -> str:
    """Return the Mermaid picture of the line, fenced."""
    lines = ["```mermaid", "flowchart LR", f"    start([start]) --> {Stage.INTAKE.value}"]
    for stage in Stage:
        name = stage.value
        words = name.replace("_", " ")
        lines.append(
            f'    {name}["{words}<br/>per repository"]' if stage in PER_REPOSITORY else f'    {name}["{words}"]'
        )
    edges = sorted(stage_edges(), key=lambda edge: (_number(edge[0]), -_number(edge[1])))
    for source, target in edges:
        arrow = "-->" if _number(target) > _number(source) else "-. sent back .->"
        lines.append(f"    {source} {arrow} {target}")
    lines += [
        f'    {PAUSE}{{{{"pause: any stage,<br/>with a typed reason"}}}} -- a person decides --> {RESUME}',
        f'    {RESUME}(["resume: any stage"])',
    ]
    return "\n".join([*lines, "```", ""])


def stage_edges() -> set[tuple[str, str]]:
    """Return the compiled graph's edges between stages, and from the last stage to `done`."""
    stages = {stage.value: stage.value for stage in Stage} | {"__end__": "done"}
    merged = {**stages, **{join_name(stage): stage.value for stage in PER_REPOSITORY}}
    edges = {(edge.source, edge.target) for edge in compile_line(InMemorySaver()).get_graph().edges}
    named = {(merged[source], merged[target]) for source, target in edges if {source, target} <= set(merged)}
    return {(source, target) for source, target in named if source != target}


def stopping_stages() -> set[str]:
    """Return the nodes that lead to `pause`: a stage, or its join."""
    edges = compile_line(InMemorySaver()).get_graph().edges
    return {edge.source for edge in edges if edge.target == PAUSE}


def _number(name: str) -> int:
    return len(Stage) if name == "done" else Stage(name).number


if __name__ == "__main__":
    main()
