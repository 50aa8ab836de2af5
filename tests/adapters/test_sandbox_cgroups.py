"""The cgroup of a command: made, limited and removed, whoever is killed meanwhile."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.adapters.network.egress_proxy import EgressProxy
from pipeline.adapters.sandbox.bubblewrap import Bubblewrap, start_sandbox
from pipeline.adapters.sandbox.cgroups import CgroupParent
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.ports import Isolation, SandboxCommand
from pipeline.settings.process import EnvironmentSettings, SandboxSettings
from tests.adapters.as_user import user_with

EATING = "head -c 90M /dev/zero > /tmp/a; head -c 90M /dev/zero > /dev/shm/a; head -c 90M /dev/zero > ~/a; sleep 50"


@pytest.fixture
def parent() -> Iterator[Path]:
    try:
        with user_with(ordinary=False, counted=True) as user:
            yield Path(user.cgroup)
    except LookupError:
        pytest.skip("no memory cgroup may be written here")


def _sandbox(parent: Path) -> Bubblewrap:
    known = Isolation(name="bubblewrap", detail="as the fork server found it", cgroup=str(parent))
    return Bubblewrap(SandboxSettings(memory_max_bytes=128 * 1024**2), EgressProxy(()), hidden=(), known=known)


def _shell(tree: Path, script: str) -> SandboxCommand:
    return SandboxCommand(argv=("/bin/sh", "-c", script), cwd=tree, writable=(tree,), timeout_s=60)


def _groups(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir()]


async def test_commands_of_two_workers_are_counted_apart_and_leave_no_group(parent: Path, tree: Path) -> None:
    workers = _sandbox(parent), _sandbox(parent)
    script = "head -c 80M /dev/zero > /tmp/a; echo lived"
    results = await asyncio.gather(*(worker.run(_shell(tree, script)) for worker in workers for _ in range(2)))
    assert [(result.exit_code, result.output) for result in results] == [(0, "lived\n")] * 4
    starved = await workers[0].run(_shell(tree, EATING))
    assert starved.exit_code == 137
    assert "more memory than allowed (128 MiB)" in starved.output
    assert _groups(parent) == []


@pytest.mark.parametrize("steps", [0, 1, 3, 5, 8, 13])
async def test_cancelling_at_any_moment_leaves_no_group(parent: Path, tree: Path, steps: int) -> None:
    running = asyncio.create_task(_sandbox(parent).run(_shell(tree, "sleep 612310")))
    for _ in range(steps):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert _groups(parent) == []


async def test_a_command_neither_sees_nor_leaves_its_group(parent: Path, tree: Path) -> None:
    script = "ls /sys/fs/cgroup; mount -t cgroup2 x /mnt; mount -t cgroup -o memory x /mnt; grep -c cgroup /proc/mounts"
    result = await _sandbox(parent).run(_shell(tree, script + "; grep memory /proc/self/cgroup"))
    *_, mounts, own = result.output.splitlines()
    assert "No such file or directory" in result.output
    assert mounts == "0"
    assert str(parent).removeprefix("/sys/fs/cgroup") not in own


WORKER = """
import asyncio, sys
from pathlib import Path
from tests.adapters.test_sandbox_cgroups import _sandbox, _shell
parent, tree = map(Path, sys.argv[1:])
asyncio.run(_sandbox(parent).run(_shell(tree, "touch started; sleep 612311")))
"""


async def test_what_a_killed_worker_left_is_swept_and_what_others_use_is_spared(parent: Path, tree: Path) -> None:
    used = asyncio.create_task(
        _sandbox(parent).run(_shell(tree, "while ! test -e go; do sleep 0.01; done; echo spared"))
    )
    path = os.pathsep.join((str(Path(__file__).parents[2]), *sys.path))
    worker = subprocess.Popen(
        (sys.executable, "-c", WORKER, str(parent), str(tree)), env={**os.environ, "PYTHONPATH": path}
    )
    async with asyncio.timeout(60):
        while not (tree / "started").exists() or len(_groups(parent)) != 2:
            assert worker.poll() is None
            await asyncio.sleep(0.01)
        CgroupParent(parent).prepare()
        assert len(_groups(parent)) == 2
        worker.kill()
        worker.wait()
        while len(_groups(parent)) != 1:
            CgroupParent(parent).prepare()
            await asyncio.sleep(0.01)
    (tree / "go").touch()
    assert (await used).output == "spared\n"
    assert _groups(parent) == []


async def test_a_group_that_cannot_be_made_stops_the_command_and_names_itself(tmp_path: Path, tree: Path) -> None:
    gone = tmp_path / "cgroup" / "gone"
    with pytest.raises(PersonNeeded) as caught:
        await _sandbox(gone).run(_shell(tree, "touch ran"))
    assert caught.value.reason is PauseReason.SANDBOX_UNAVAILABLE
    assert str(gone) in caught.value.message
    assert "CHANGELINE_SANDBOX__CGROUP" in str(caught.value.facts["remedy"])
    assert not (tree / "ran").exists()


async def test_a_named_cgroup_that_does_not_limit_memory_is_refused_at_the_start(tmp_path: Path) -> None:
    plain = tmp_path / "no-cgroup"
    plain.mkdir()
    sandbox = await start_sandbox(SandboxSettings(cgroup=str(plain)), EnvironmentSettings(), hidden=())
    assert not sandbox.isolation().active
    assert f"CHANGELINE_SANDBOX__CGROUP={plain} does not limit memory" in sandbox.isolation().detail
    assert list(plain.iterdir()) == []
