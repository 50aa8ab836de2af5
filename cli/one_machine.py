"""What `up` starts beside the servers, and how it knows itself: migrations, scripted model, controller, and the words for them.

Choice: the controller's whole environment is composed here, from the operator's own, so that addresses with passwords
exist only in memory and in the child. Invariant: with a scenario no real key reaches any process.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2

from cli import own_processes
from cli.local.children import Child
from cli.local.data_directory import DataDirectory
from cli.local.ports import LOOPBACK, free_port
from cli.local.servers import LocalServers
from cli.scenario import ScenarioError, load_scenario
from pipeline.adapters.sandbox.bubblewrap import start_sandbox
from pipeline.adapters.sandbox.start_up_check import Places
from pipeline.errors import CallerError, Conflict
from pipeline.ports import Isolation
from pipeline.settings.process import ProcessSettings
from pipeline.store import bootstrap

KEY_SETTING = "CHANGELINE_ANTHROPIC__API_KEY"
_PROBE_TIMEOUT_S = 2.0
_CONTROLLER_READY_S = 180.0
_CONTROLLER_GRACE_S = 30.0
_NOT_INHERITED = ("CHANGELINE_URL", "CHANGELINE_TOKEN", "CHANGELINE_SCENARIO", "CHANGELINE_DATABASE__OWNER_URL")
_TRACING = ("LANGSMITH_", "LANGCHAIN_")
"""Ambient tracing of libraries would send change requests to somebody's account."""
_PROVIDERS = ("ANTHROPIC_", "OPENAI_", "CHANGELINE_ANTHROPIC__")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Who does the thinking."""

    words: str | None
    """None when no model is configured."""
    scenario: Path | None = None


def model_of(settings: ProcessSettings, scenario: Path | None) -> Model:
    """Say which model an installation with these settings works with. Raises `CallerError` for a scenario that is wrong."""
    if scenario is not None:
        path = scenario.expanduser().absolute()
        try:
            name = load_scenario(path).name
        except ScenarioError as error:
            raise CallerError(
                f"The scenario cannot be played: {error}", field="--scenario", remedy="Correct the file."
            ) from error
        return Model(words=f"scripted model (scenario {name!r})", scenario=path)
    if settings.anthropic_api_key is None:
        return Model(words=None)
    where = settings.anthropic_base_url
    return Model(words=f"Claude by the Messages API{f' at {where}' if where else ''}")


def require_model(model: Model) -> None:
    """Raise `CallerError` when nothing could do the work."""
    if model.words is None:
        raise no_model()


def no_model() -> CallerError:
    """Return the refusal to submit work that no model would do."""
    return CallerError(
        "No model is configured.",
        field=KEY_SETTING,
        remedy=f"Set {KEY_SETTING} or ANTHROPIC_API_KEY; or play canned answers with --scenario FILE.",
    )


def migrate(servers: LocalServers, settings: ProcessSettings) -> None:
    """Bring the database to this version's schema. Raises `CallerError` when that is not ours to do."""
    from pipeline.store import migrations  # noqa: PLC0415 - takes a second, which `status` and `down` need not wait

    if servers.owner_url is not None:
        migrations.upgrade(servers.owner_url, app_role=bootstrap.APPLICATION_ROLE, tenant=settings.tenant)
        return
    state = migrations.schema_state(servers.app_url)
    if not state.up_to_date:
        raise Conflict(
            f"The database has schema {state.current or 'none'}; this Changeline needs {state.head}.",
            field="CHANGELINE_DATABASE__OWNER_URL",
            remedy="Set it to an address that may migrate, or run `changeline db upgrade` with it.",
        )


def children(servers: LocalServers, settings: ProcessSettings, model: Model) -> list[Child]:
    """Return the processes to run, and write down where the controller will answer."""
    port = settings.controller.port or free_port()
    host = settings.controller.host
    scheme = "https" if settings.controller.tls_certificate else "http"
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    surrounding = own_processes.environment()
    scripted = [_scripted_model(model.scenario, surrounding)] if model.scenario else []
    model_url = scripted[0][1] if scripted else None
    environment = controller_environment(surrounding, servers, settings, port=port, model=model, model_url=model_url)
    alone = ["--alone"] if servers.postgres is not None else []
    servers.runtime.controller(url, str(servers.directory.token_file), model=model.words)
    return [
        *(child for child, _ in scripted),
        Child(
            name="controller",
            argv=own_processes.command("controller", *alone),
            env=environment,
            ready=lambda: _answers(f"{url}/readyz"),
            ready_within_s=_CONTROLLER_READY_S,
            grace_s=_CONTROLLER_GRACE_S,
        ),
    ]


def controller_environment(
    surrounding: Mapping[str, str],
    servers: LocalServers,
    settings: ProcessSettings,
    *,
    port: int,
    model: Model,
    model_url: str | None,
) -> dict[str, str]:
    """Return the operator's environment with the addresses of this run; of providers only what is configured."""
    hidden = _TRACING + (_PROVIDERS if model.scenario else ())
    found = {
        name: value
        for name, value in surrounding.items()
        if name not in _NOT_INHERITED and not name.upper().startswith(hidden)
    }
    found |= {
        "CHANGELINE_DATA_DIR": str(servers.directory.path),
        "CHANGELINE_DATABASE__URL": servers.app_url,
        "CHANGELINE_CONTROLLER__HOST": settings.controller.host,
        "CHANGELINE_CONTROLLER__PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }
    if servers.redis_url is not None:
        found["CHANGELINE_REDIS__URL"] = servers.redis_url
    if model.scenario is not None and model_url is not None:
        # A proxy of the operator's would not find our loopback.
        own = f"{LOOPBACK},localhost"
        found |= {name: f"{found[name]},{own}" if found.get(name) else own for name in ("NO_PROXY", "no_proxy")}
        found |= {
            "CHANGELINE_SCENARIO": str(model.scenario),
            "CHANGELINE_ANTHROPIC__BASE_URL": model_url,
            KEY_SETTING: "scripted",
        }
    return found


def isolation(settings: ProcessSettings, directory: DataDirectory) -> Isolation:
    """Find out, by doing it, how tools of agents are isolated on this machine."""

    async def probe() -> Isolation:
        places = Places(directory.worktrees, directory.environments)
        sandbox = await start_sandbox(settings.sandbox, settings.environment, hidden=(directory.path,), places=places)
        return sandbox.isolation()

    return asyncio.run(probe())


def _scripted_model(scenario: Path, surrounding: Mapping[str, str]) -> tuple[Child, str]:
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    kept = {name: surrounding[name] for name in ("PATH", "PYTHONPATH", "LANG", "HOME") if name in surrounding}
    argv = own_processes.module("cli.scripted_model", str(scenario), "--port", str(port))
    return Child(name="scripted-model", argv=argv, env=kept, ready=lambda: _answers(f"{url}/healthz")), url


def _answers(url: str) -> bool:
    try:
        # Our own address; a certificate need not carry its name.
        return httpx2.get(url, timeout=_PROBE_TIMEOUT_S, trust_env=False, verify=False).is_success
    except httpx2.TransportError:
        return False
