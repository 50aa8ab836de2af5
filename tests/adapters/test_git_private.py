"""What killed processes leave beside a cache is swept when it is opened again; what is in use stays."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from pipeline.adapters.git.runner import held
from tests.adapters.git_world import ADA, make_origin, repository_of

DYING = """
import asyncio, os, signal, sys
from pathlib import Path
from pipeline.adapters.git.runner import held
from pipeline.adapters.git.private_directory import scratch

async def die(private):
    state = private / ("a" * 32)
    async with scratch(private, "index"), held(state.with_suffix(".lock"), wait_s=1):
        state.mkdir()
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(die(Path(sys.argv[1])))
"""


async def test_what_a_killed_process_left_beside_the_cache_is_swept_and_what_is_in_use_stays(tmp_path: Path) -> None:
    origin = make_origin(tmp_path / "origin")
    base = origin.commit({"a.txt": b"a"})
    repository = await repository_of(origin.path, tmp_path / "cache")
    await repository.fetch()
    await repository.add_worktree(tmp_path / "tree", base)
    (private,) = (tmp_path / "cache").glob("*.trees")
    in_use = {entry.name for entry in private.iterdir()}
    died = subprocess.run([sys.executable, "-c", DYING, str(private)], env=dict(os.environ), check=False)
    assert died.returncode == -signal.SIGKILL
    (left,) = (entry.name for entry in private.iterdir() if entry.name.startswith("index-") and entry.is_dir())
    busy = private / ("b" * 32)
    async with held(busy.with_suffix(".lock"), wait_s=1):
        busy.mkdir()
        assert left in {entry.name for entry in private.iterdir()}
        again = await repository_of(origin.path, tmp_path / "cache")
        assert busy.exists(), "its user holds its lock and has not recorded its tree yet"
    assert {entry.name for entry in private.iterdir()} == in_use | {busy.name, f"{busy.name}.lock"}
    (tmp_path / "tree" / "b.txt").write_text("b")
    head = await again.snapshot(tmp_path / "tree", parent=base, message="The tree still works")
    assert await again.commit_files(parent=head, files={"c.txt": b"c"}, message="c", author=ADA)
    await repository_of(origin.path, tmp_path / "cache")
    assert {entry.name for entry in private.iterdir()} == in_use
