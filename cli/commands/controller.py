"""`changeline controller`: the API process that `up` starts. Everything comes from the environment."""

from typing import Annotated

import typer

from cli import itself
from cli.session import read_settings
from controller.launch.child import ForkServerChild

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
    settings = read_settings()
    fork_server = ForkServerChild(itself.command(*itself.FORK_SERVER), itself.environment_of_workers())
    from cli.controller_process import run_controller  # noqa: PLC0415 - takes seconds, as the fork server's imports beside it

    run_controller(settings, alone=alone, fork_server=fork_server)
