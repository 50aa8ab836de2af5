"""Arguments and options that several verbs share, described once."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout; progress goes to stderr.")]

ChangeRequest = Annotated[
    str, typer.Argument(metavar="CR", help="Id of a change request; `latest` is the newest.", show_default=False)
]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

Instructions = Annotated[
    str, typer.Option("--instructions", "-i", metavar="TEXT", help="What the agents are told, with top priority.")
]
