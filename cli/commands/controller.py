"""`changeline controller`: the API process that `up` starts. Everything comes from the environment."""

from typing import Annotated

import typer

from cli import own_processes
from cli.local.data_directory import DataDirectory
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
    processes = own_processes.processes()
    fork_server = ForkServerChild(processes.fork_server, processes.environment_of_workers)
    from controller.process import run_controller  # noqa: PLC0415 - takes seconds, as the fork server's imports beside it

    token_file = DataDirectory.at(settings.data_dir).token_file if settings.data_dir is not None else None
    run_controller(settings, processes, alone=alone, fork_server=fork_server, token_file=token_file)
