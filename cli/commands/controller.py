"""`changeline controller`: the API process that `up` starts. Everything comes from the environment."""

from typing import Annotated

import typer

from cli.controller_process import run_controller
from cli.session import read_settings

app = typer.Typer()


@app.callback()
def _group() -> None:
    pass


@app.command(hidden=True)
def controller(
    *,
    alone: Annotated[
        bool, typer.Option("--alone", help="State that no other controller serves this database.")
    ] = False,
) -> None:
    """Serve the API; `up` starts this."""
    run_controller(read_settings(), alone=alone)
