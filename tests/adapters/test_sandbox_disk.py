"""What a command may write, as a whole: a tree has a limit, and the machine keeps a reserve."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.adapters.network.egress_proxy import EgressProxy
from pipeline.adapters.sandbox.bubblewrap import Bubblewrap
from pipeline.adapters.sandbox.tree_usage import measure
from pipeline.change_request import PauseReason
from pipeline.errors import TransientError
from pipeline.ports import CommandResult, SandboxCommand
from pipeline.settings.process import SandboxSettings
from tests.adapters.as_user import user_with

MIB = 1024**2
FILES = "i=0; while :; do head -c 8M /dev/zero > f$i; i=$((i+1)); done"


async def _limited(**limits: int) -> Bubblewrap:
    sandbox = Bubblewrap(SandboxSettings(**limits), EgressProxy(()), hidden=())
    assert (await sandbox.probe()).active
    return sandbox


async def _shell(sandbox: Bubblewrap, tree: Path, script: str) -> CommandResult:
    return await sandbox.run(SandboxCommand(argv=("/bin/bash", "-c", script), cwd=tree, writable=(tree,), timeout_s=60))


GROWING = {
    "files": FILES,
    "files without a name": "exec 3>x; rm x; while :; do head -c 8M /dev/zero >&3; sleep 0.05; done",
    "reserved blocks": "i=0; while :; do fallocate -l 64M r$i; i=$((i+1)); sleep 0.05; done",
    "many entries": "i=0; while :; do mkdir d$i; (cd d$i; touch {1..999}); i=$((i+1)); done",
    "closed directories": "mkdir c; cd c; chmod 300 .; " + FILES,
}


@pytest.mark.parametrize(
    ("ordinary", "how"),
    [
        *(pytest.param(False, how, id=f"as we are-{how}") for how in GROWING),
        pytest.param(True, "files", id="ordinary user-files"),
        *(
            pytest.param(True, how, id=f"ordinary user-{how}", marks=pytest.mark.thorough)
            for how in GROWING
            if how != "files"
        ),
    ],
)
def test_a_command_whose_tree_grows_beyond_its_limit_is_killed_and_told_so(*, ordinary: bool, how: str) -> None:
    with user_with(ordinary=ordinary, counted=False) as user:
        script = ("/bin/bash", "-c", GROWING[how])
        _, [(code, output)] = user.run(script, tree_max_bytes=200 * MIB, tree_max_files=5_000)
    assert code == 137
    assert "200 MiB and 5000 entries allowed. Delete what is not needed" in output


async def test_a_command_that_is_too_quick_to_be_killed_does_not_count_as_a_success(tree: Path) -> None:
    sandbox = await _limited(tree_max_bytes=100 * MIB)
    result = await _shell(sandbox, tree, "fallocate -l 200M big")
    assert result.exit_code == 137
    assert "entries allowed" in result.output


@pytest.mark.thorough
async def test_a_tree_over_its_limit_may_shrink_and_not_grow(tree: Path) -> None:
    for number in range(4):
        subprocess.run(("fallocate", "-l", "64M", str(tree / f"old{number}")), check=True)
    sandbox = await _limited(tree_max_bytes=100 * MIB)
    looking = await _shell(sandbox, tree, "sleep 1.5; ls")
    assert (looking.exit_code, looking.output) == (0, "old0\nold1\nold2\nold3\n")
    assert (await _shell(sandbox, tree, "rm old0; sleep 1.5")).exit_code == 0
    steps = [await _shell(sandbox, tree, f"fallocate -l 7M step{number}; sleep 1.5") for number in range(3)]
    assert [step.exit_code for step in steps] == [0, 0, 137]
    assert "Delete what is not needed" in steps[-1].output
    freed = await _shell(sandbox, tree, "rm old* step*; sleep 1.5")
    assert (freed.exit_code, freed.output) == (0, "")


async def test_sparse_files_and_hard_links_count_for_what_they_occupy(tree: Path) -> None:
    sandbox = await _limited(tree_max_bytes=100 * MIB)
    script = "truncate -s 900M sparse; fallocate -l 60M one; for i in {1..20}; do ln one link$i; done; sleep 1.5"
    assert (await _shell(sandbox, tree, script)).exit_code == 0


def test_three_thousand_nested_directories_are_measured_to_the_bottom(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(3_000):
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    with open(os.open("bottom", os.O_WRONLY | os.O_CREAT, dir_fd=here), "wb") as file:  # noqa: PTH123 - deeper than a path
        file.write(bytes(4 * MIB))
    os.close(here)
    try:
        usage = measure(str(tmp_path))
        assert (usage.entries, usage.unread) == (3_001, 0)
        assert usage.size >= 4 * MIB
    finally:
        subprocess.run(("rm", "-rf", str(tmp_path)), check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory: filling it disturbs nobody."""
    if os.geteuid() != 0:
        pytest.skip("mounting takes root")
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ("mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "test", str(place)), check=False, capture_output=True
    )
    if made.returncode != 0:
        pytest.skip("no mounts may be made here")
    yield place
    subprocess.run(("umount", str(place)), check=True)


async def test_whoever_fills_the_machines_disk_is_stopped_as_a_shortage_and_others_go_on(small_disk: Path) -> None:
    sandbox = await _limited(disk_reserve_bytes=1024**3)
    filling, waiting = small_disk / "filling", small_disk / "waiting"
    filling.mkdir()
    waiting.mkdir()
    with pytest.raises(TransientError) as caught:
        await _shell(sandbox, filling, "for i in {1..49}; do head -c 8M /dev/zero > f$i; sleep 0.02; done; sleep 30")
    assert caught.value.reason is PauseReason.MACHINE_SHORT
    assert caught.value.facts["short_of"] == "disk"
    assert shutil.disk_usage(small_disk).free < 20 * MIB
    assert (await _shell(sandbox, waiting, "echo small > f; sleep 1")).exit_code == 0
