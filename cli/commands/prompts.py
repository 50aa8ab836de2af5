"""`prompts`: what agents are told, as it lies in this installation. Needs no controller."""

from typing import Annotated

import typer

from cli.options import Json
from cli.output import Output
from pipeline.agents.prompting import load_prompt
from pipeline.agents.roles import ROLES, AgentRole

app = typer.Typer()
group = typer.Typer(no_args_is_help=True)
app.add_typer(group, name="prompts")


@group.callback()
def _group() -> None:
    """Show the prompts that agents work with.

    Each model call records the hash of its prompt; evidence names it.
    """


@group.command("list")
def list_prompts(*, as_json: Json = False) -> None:
    """List roles, their stages and the hashes of their prompts."""
    out = Output(as_json=as_json)
    columns = ("role", "file", "sha256")
    rows = [(role.value, ROLES[role].prompt_path, load_prompt(role).sha256) for role in ROLES]
    if as_json:
        out.value({"items": [dict(zip(columns, row, strict=True)) for row in rows]})
    out.table(columns, rows, empty="No prompts.")


@group.command()
def show(role: Annotated[AgentRole, typer.Argument(metavar="ROLE")], *, as_json: Json = False) -> None:
    """Show the prompt of one role: what it is told always, and the template of its first message."""
    out = Output(as_json=as_json)
    prompt = load_prompt(role)
    if as_json:
        out.value(
            {
                "role": role.value,
                "sha256": prompt.sha256,
                "variables": list(prompt.variables),
                "system": prompt.system,
                "opening": prompt.opening,
            }
        )
    out.line(prompt.system)
    out.line(f"--- opening, sha256 {prompt.sha256} ---", "dim")
    out.line(prompt.opening)
