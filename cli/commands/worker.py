"""`changeline worker`: what a launcher starts. With `--fork-server` one process starts workers by fork."""

from typing import Annotated

import typer

from cli.session import read_settings
from controller import logs
from pipeline.errors import CallerError
from worker.fork_server import ForkServer
from worker.main import run
from worker.order import Order

app = typer.Typer()


@app.callback()
def _group() -> None:
    pass


@app.command(hidden=True)
def worker(
    *,
    fork_server: Annotated[
        bool, typer.Option("--fork-server", help="Read orders as JSON lines on stdin and fork a worker for each.")
    ] = False,
    cr: Annotated[str | None, typer.Option(help="Work on this change request, once.")] = None,
    attempt: Annotated[int, typer.Option(min=1)] = 1,
    epoch: Annotated[int | None, typer.Option(min=1, help="The lease's epoch, which the controller gave out.")] = None,
    tenant: Annotated[str | None, typer.Option()] = None,
) -> None:
    """Work on change requests; a launcher starts this."""
    settings = read_settings()
    logs.set_up(settings.log_level)
    if fork_server:
        ForkServer(settings).serve()
        return
    if cr is None or epoch is None:
        raise CallerError("A worker needs an order.", field="--cr", remedy="Give --cr and --epoch, or --fork-server.")
    order = Order(tenant=tenant or settings.tenant, cr_id=cr, attempt=attempt, epoch=epoch)
    raise typer.Exit(run(order, settings))
