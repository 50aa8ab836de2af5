"""`up`, `down`, `status`, `login`: one machine's installation as a whole."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import one_machine, own_processes
from cli.client import Client, client_of, running_on
from cli.exits import Exit
from cli.local import up as local
from cli.local.data_directory import DataDirectory, locate
from cli.local.ports import require_free_port
from cli.local.runtime_state import Runtime
from cli.local.servers import LocalServers
from cli.one_machine import Model
from cli.options import Json
from cli.output import Output
from cli.session import begin
from controller.auth.schemas import LoginCode
from controller.binding import check_binding
from pipeline.errors import CallerError
from pipeline.settings.process import ProcessSettings

app = typer.Typer()

Scenario = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Play a scripted model from this file instead of asking a real one."),
]


@app.command()
def up(
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background.")] = False,
    scenario: Scenario = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes any free port. [default: 8321]")] = None,
    unattended: Annotated[bool, typer.Option("--unattended", hidden=True)] = False,
    as_json: Json = False,
) -> None:
    """Start everything on this machine.

    Real PostgreSQL and Redis servers, unless addresses of others are configured; migrations; the controller with the
    control room. Ctrl-C stops all of it and keeps the data; starting again continues.
    """
    with begin(as_json=as_json) as session:
        settings = with_address(session.settings, host, port)
        model = one_machine.model_of(settings, scenario or settings.scenario)
        check_binding(settings)
        if detach:
            show_ready(session.out, settings, start_in_background(session.out, settings, model))
            return
        require_free_port(settings.controller.host, settings.controller.port, field="CHANGELINE_CONTROLLER__PORT")

        def ready(servers: LocalServers) -> None:
            runtime = running_on(settings)
            if runtime is not None and not unattended:
                show_ready(session.out, settings, runtime, servers=servers)

        local.serve(
            settings,
            migrate=lambda servers: one_machine.migrate(servers, settings),
            children=lambda servers: one_machine.children(servers, settings, model),
            ready=ready,
            report=session.out.note,
        )


@app.command()
def down(*, as_json: Json = False) -> None:
    """Stop everything that runs on the data directory."""
    with begin(as_json=as_json) as session:
        stopped = local.down(session.settings, report=session.out.note)
        if as_json:
            session.out.value({"stopped": stopped})
        session.out.line("Stopped; the data is kept." if stopped else "Nothing was running.")


@app.command()
def status(*, as_json: Json = False) -> None:
    """Show what runs on this machine.

    Exit 0 when the controller is ready, 5 when nothing runs.
    """
    with begin(as_json=as_json) as session:
        found = local.status(session.settings)
        out, runtime = session.out, found.runtime
        if as_json:
            out.value(_status_value(found))
        out.line(f"Changeline: {found.state}", "bold")
        if runtime is not None:
            for line in _running_lines(runtime):
                out.line(line)
        out.line(f"Data directory: {found.data_dir}")
        out.line(f"Logs: {found.logs}")
        if found.state != "ready":
            raise typer.Exit(Exit.UNREACHABLE)


@app.command()
def login(*, as_json: Json = False) -> None:
    """Print a one-time link that opens the control room in a browser."""
    with begin(as_json=as_json) as session:
        url, expires_in_s = login_link(session.client)
        if as_json:
            session.out.value({"url": url, "expires_in_s": expires_in_s})
        session.out.line(url)
        session.out.note(f"It works once, within {expires_in_s // 60} minutes.")


def with_address(settings: ProcessSettings, host: str | None, port: int | None) -> ProcessSettings:
    """Return settings with another address to listen on, where one was given."""
    changed = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return settings.model_copy(update={"controller": settings.controller.model_copy(update=changed)})


def start_in_background(out: Output, settings: ProcessSettings, model: Model) -> Runtime:
    """Start `up` as a process of its own and wait until it is ready. Raises `Conflict` when it already runs."""
    require_free_port(settings.controller.host, settings.controller.port, field="CHANGELINE_CONTROLLER__PORT")
    door = settings.controller
    scenario = ["--scenario", str(model.scenario)] if model.scenario else []
    argv = own_processes.command("up", "--unattended", "--host", door.host, "--port", str(door.port), *scenario)
    return local.start_detached(settings, argv, own_processes.environment(), report=out.note)


def login_link(client: Client) -> tuple[str, int]:
    """Return a fresh one-time link and for how many seconds it works."""
    code = client.post("/api/v1/login-codes", LoginCode)
    return f"{client.url}{code.path}", code.expires_in_s


def show_ready(
    out: Output, settings: ProcessSettings, runtime: Runtime, *, servers: LocalServers | None = None
) -> None:
    """Print everything that a person needs to begin, and to stop."""
    with client_of(runtime) as client:
        link, _ = login_link(client)
    directory = DataDirectory.at(locate(settings))
    contained = one_machine.isolation(settings, directory)
    lines = servers.describe() if servers else _service_lines(runtime)
    if out.as_json:
        isolation = {"name": contained.name, "detail": contained.detail}
        out.value({**_runtime_value(runtime), "login": link, "isolation": isolation, "data_dir": str(directory.path)})
        return
    out.line()
    out.line("Changeline is ready.", "bold green")
    out.line(f"  Control room    {link}   (works once; `changeline login` prints another)")
    for name, text in (
        ("API", f"{runtime.controller}/api/v1"),
        ("Model", runtime.model or f"none: set {one_machine.KEY_SETTING}"),
        *(("Servers", line) for line in lines),
        ("Isolation", f"{contained.name}: {contained.detail}" if contained.active else f"NONE: {contained.detail}"),
        ("Data", f"{directory.path} (token in {directory.token_file.name})"),
        ("Stop", "Ctrl-C" if servers else "changeline down"),
    ):
        out.line(f"  {name:<15} {text}")
    if not contained.active and not settings.sandbox.allow_uncontained:
        out.warn("Agents cannot run tools here: change requests pause as sandbox_unavailable.")


def _running_lines(runtime: Runtime) -> list[str]:
    age = datetime.now(UTC) - datetime.fromisoformat(runtime.started_at)
    return [
        f"Process {runtime.pid}, for {str(age).partition('.')[0]}",
        f"Controller: {runtime.controller or 'starting'}",
        f"Model: {runtime.model or f'none: set {one_machine.KEY_SETTING}'}",
        *_service_lines(runtime),
        f"Processes: {', '.join(f'{child.name} ({child.pid})' for child in runtime.children)}",
    ]


def _service_lines(runtime: Runtime) -> list[str]:
    found = []
    for name, service in (("PostgreSQL", runtime.database), ("Redis", runtime.redis)):
        if service is not None:
            whose = "" if service.kind == "embedded" else " (external)"
            found.append(f"{name}{f' {service.version}' if service.version else ''} on {service.address}{whose}")
    return found if runtime.redis else [*found, "No Redis: live views read from PostgreSQL alone"]


def _status_value(found: local.LocalStatus) -> dict[str, Any]:
    runtime = _runtime_value(found.runtime) if found.runtime else {}
    return {"state": found.state, **runtime, "data_dir": str(found.data_dir), "logs": str(found.logs)}


def _runtime_value(runtime: Runtime) -> dict[str, Any]:
    if runtime.controller is None and runtime.phase == "ready":
        raise CallerError("This installation was started by another version of Changeline.")
    services = {"database": runtime.database, "redis": runtime.redis}
    return {
        "pid": runtime.pid,
        "started_at": runtime.started_at,
        "controller": runtime.controller,
        "model": runtime.model,
        "token_file": runtime.token_path,
        **{
            name: {"kind": one.kind, "address": one.address, "version": one.version} if one else None
            for name, one in services.items()
        },
        "processes": {child.name: child.pid for child in runtime.children},
    }
