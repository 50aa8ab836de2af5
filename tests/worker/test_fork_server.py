"""The fork server ends a worker that it was told to stop, whatever state that worker is in, and starts each check once."""

import json
import subprocess
import sys

from cli import own_processes

FROZEN = """
import os, signal
from pipeline.settings.process import ProcessSettings
from worker.fork_server import ForkServer

def work(order, settings, isolation):
    os.kill(os.getpid(), signal.SIGSTOP)
    return 0

def check(order, settings, isolation):
    print(f"checks {order.survey_id} of {order.tenant}", flush=True)
    signal.pause()

signal.signal(signal.SIGTERM, signal.SIG_IGN)
ForkServer(ProcessSettings(), work=work, check=check, stop_grace_s=0.2).serve()
"""


def test_a_frozen_worker_that_is_told_to_stop_is_killed_and_lets_go_of_its_locks() -> None:
    argv = [sys.executable, "-P", "-c", FROZEN]
    order = {"tenant": "default", "cr_id": "cr-1", "attempt": 1, "epoch": 1}
    with subprocess.Popen(
        argv,
        env=own_processes.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def tell(message: dict[str, object]) -> None:
            assert server.stdin is not None
            server.stdin.write(json.dumps(message) + "\n")
            server.stdin.flush()

        assert json.loads(server.stdout.readline()) == {"ready": True}
        tell({"launch": order})
        assert json.loads(server.stdout.readline())["started"]["cr_id"] == "cr-1"
        tell({"stop": {"cr_id": "cr-1", "epoch": 1}})
        exited = json.loads(server.stdout.readline())["exited"]
        assert exited == {"cr_id": "cr-1", "epoch": 1, "code": -9}
        for _ in range(2):
            tell({"survey": {"tenant": "default", "survey_id": "survey-1"}})
        tell({"survey": {"tenant": "other", "survey_id": "survey-2"}})
        assert server.stderr is not None
        said = {server.stderr.readline().strip() for _ in range(2)}
        assert said == {"checks survey-1 of default", "checks survey-2 of other"}
        server.stdin.close()
        assert server.wait() == 0
        assert server.stderr.read() == "", "its checks are gone with it, and none was begun twice"
