"""One installation for the length of a bench: the processes of `changeline up` in a temporary directory.

They are composed by the same code as `up` composes them, with everything that the surrounding environment says about
Changeline left out, so that two runs on one machine measure the same thing.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2

from cli import one_machine, own_processes
from cli.local.children import Child
from cli.local.data_directory import DataDirectory
from cli.local.servers import LocalServers
from pipeline.settings.process import (
    AnthropicSettings,
    ControllerSettings,
    DatabaseSettings,
    EnvironmentSettings,
    ProcessSettings,
    RedisSettings,
)

_ANSWER_S = 5.0
_READY_S = 120.0


@dataclass(slots=True)
class Installation:
    """Running servers, and the means to run the product's own processes on them."""

    root: Path
    settings: ProcessSettings
    servers: LocalServers
    children: list[Child] = field(default_factory=list)

    @property
    def model_url(self) -> str:
        """Where the scripted model answers."""
        return next(child.env for child in self.children if child.name == "controller")[
            "CHANGELINE_ANTHROPIC__BASE_URL"
        ]

    @property
    def url(self) -> str:
        """Where the controller answers."""
        environment = next(child.env for child in self.children if child.name == "controller")
        return f"http://127.0.0.1:{environment['CHANGELINE_CONTROLLER__PORT']}"

    @property
    def token(self) -> str:
        """The local user's token, once the controller has started."""
        return self.servers.directory.token_file.read_text(encoding="utf-8").strip()

    def pid(self, name: str) -> int:
        """Return the process of a server or child by its name."""
        return next(running.pid for running in self.servers.supervisor.running() if running.name == name)

    def play(self, scenario: str, *, warm: bool = True) -> None:
        """Start scripted model and controller; `warm` waits until workers can be forked, else until the door answers."""
        path = self.root / "scenario.json"
        path.write_text(scenario, encoding="utf-8")
        model = one_machine.Model(words="scripted model", scenario=path)
        surrounding = own_processes.environment()
        settings = self.settings.model_copy(update={"scenario": path})
        self.children = [_scrubbed(child, surrounding) for child in one_machine.children(self.servers, settings, model)]
        for child in self.children:
            if child.name != "controller":
                self.servers.supervisor.start(child)
        self.start_controller(warm=warm)

    def start_controller(self, *, warm: bool = True) -> None:
        """Start the controller and return when it is ready, or, cold, as soon as it answers at all."""
        controller = next(child for child in self.children if child.name == "controller")
        alive = f"{self.url}/healthz"
        self.servers.supervisor.start(controller if warm else replace(controller, ready=lambda: _answers(alive)))

    def stop_controller(self) -> None:
        """Stop the controller, and the fork server with it."""
        self.servers.supervisor.stop("controller")

    def stop(self) -> None:
        """Stop what `play` started."""
        for child in reversed(self.children):
            self.servers.supervisor.stop(child.name)
        self.children = []


@contextmanager
def installation() -> Iterator[Installation]:
    """Start the servers with the schema in place; everything is gone at the end."""
    # Tools of agents run as another user, who has to be able to pass through.
    root = Path(tempfile.mkdtemp(prefix="changeline-bench-"))
    root.chmod(0o755)
    try:
        data = root / "data"
        settings = ProcessSettings().model_copy(
            update={
                "data_dir": data, "tenant": "default", "url": None, "token": None, "scenario": None,
                "database": DatabaseSettings(), "redis": RedisSettings(), "anthropic": AnthropicSettings(),
                "environment": EnvironmentSettings(offline=True), "controller": ControllerSettings(port=0),
            }
        )  # fmt: skip
        directory = DataDirectory.at(data, reachable_root=root / "reachable")
        with LocalServers(settings, report=lambda _step: None, directory=directory) as servers:
            one_machine.migrate(servers, settings)
            yield Installation(root=root, settings=settings, servers=servers)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _scrubbed(child: Child, surrounding: dict[str, str]) -> Child:
    """Leave out what the operator set for an installation of their own."""
    kept = {
        name: value
        for name, value in child.env.items()
        if not (name.startswith("CHANGELINE_") and surrounding.get(name) == value)
    }
    return replace(child, env={**kept, "CHANGELINE_ENVIRONMENT__OFFLINE": "true"}, ready_within_s=_READY_S)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=_ANSWER_S, trust_env=False).is_success
    except httpx2.TransportError:
        return False
