"""A controller as a process of its own, for tests that kill it: told by one line of JSON, prints its address."""

import asyncio
import json
import sys

from controller.app import create_app
from controller.serve import serve
from controller.wiring import ControllerWiring
from pipeline.adapters.signing import Ed25519Verifier
from pipeline.settings.process import ControllerSettings, ProcessSettings
from pipeline.testing import MemoryKeyStore
from tests.controller.conftest import PACE
from tests.controller.fakes import ScriptedDiffs, ScriptedInspector, ScriptedLauncher


def say(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


def main() -> None:
    told = json.loads(sys.stdin.readline())
    settings = ProcessSettings(_env_file=None, controller=ControllerSettings(port=told["port"]))
    wiring = ControllerWiring(
        settings=settings, database_url=told["database_url"], redis_url=told["redis_url"], pace=PACE,
        inspector=ScriptedInspector(), diffs=ScriptedDiffs(), launcher=ScriptedLauncher(ready=False),
        keys=MemoryKeyStore(), signatures=Ed25519Verifier(),
    )  # fmt: skip
    asyncio.run(serve(create_app(wiring), settings, on_ready=say))


if __name__ == "__main__":
    main()
