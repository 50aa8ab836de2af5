"""Trees of a large repository: how soon one is ready, beside git itself writing and copying the same files.

The repository is made here: thirty thousand small files in three thousand folders. A first tree is written; every later one is
made of one that was given back. A tree is handed to the user of tools and disturbed, as a test run would, before it is given
back.
"""

import asyncio
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Mapping
from pathlib import Path

from bench.figures import Figure, Floor, figure
from bench.installation import Installation
from pipeline.adapters.clock import SystemClock
from pipeline.adapters.git.network import GitNetwork
from pipeline.adapters.git.repository import GitRepository, open_repository
from pipeline.adapters.git.runner import GitCommands
from pipeline.adapters.network.addresses import AddressPolicy
from pipeline.adapters.sandbox.identity import give, identity_for, user_of_a_new_tree
from pipeline.change_request import Reach
from pipeline.ports import Author
from pipeline.repositories.local_places import LocalPlaces

GROUP = "trees"
FILES = 30_000
_AIM_S = 3.0
_BENCH = Author(name="Bench", email="bench@localhost")
_IDENTITY = ("-c", "user.name=Bench", "-c", "user.email=bench@localhost")


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Measure the floors, then a change request's trees, one after the other."""
    with tempfile.TemporaryDirectory(dir=installation.root, prefix="trees-") as directory:
        top = Path(directory)
        origin = large_repository(top / "origin")
        checked_out, copied, removed = floors(top, origin)
        took = asyncio.run(_trees(top, origin, 2 if quick else 6))
    written = Floor("git checkout", checked_out)
    rows = (
        ("first tree, 30,000 files", "first", written, None),
        ("every later tree for tests", "checkout", written, _AIM_S),
        ("every later tree for an agent", "agent", written, _AIM_S),
        ("snapshot of an agent's tree", "snapshot", None, None),
        ("giving a tree back", "back", Floor("rm -r", removed), None),
    )
    return [
        *(figure(GROUP, name, took[key], "s", floor=floor, aim=aim) for name, key, floor, aim in rows),
        figure(GROUP, "floor: git checkout", [checked_out], "s"),
        figure(GROUP, "floor: cp -r", [copied], "s"),
        figure(GROUP, "floor: rm -r", [removed], "s"),
    ]


def large_repository(path: Path, files: Mapping[str, str] | None = None) -> Path:
    """Make a repository of thirty thousand small modules, and these files beside them."""
    chance = random.Random(1)  # noqa: S311 - sizes of files, always the same
    _git(path.parent, "init", "-q", "-b", "main", str(path))
    for number in range(FILES):
        file = path / f"package{number % 100}" / f"module{number // 100 % 30}" / f"file{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = (f"value_{line} = {chance.random()}\n" for line in range(chance.randint(10, 150)))
        file.write_text("".join(lines), encoding="ascii")
    for name, text in (files or {}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    _git(path, "add", "-A")
    _git(path, *_IDENTITY, "commit", "-q", "-m", "Thirty thousand files")
    _git(path, "repack", "-a", "-d", "-q")
    return path


def floors(top: Path, origin: Path) -> tuple[float, float, float]:
    """Return how long git takes to write the files in a directory, `cp` to copy and `rm` to remove them."""
    clone, copy = top / "clone", top / "copy"
    _git(top, "clone", "-q", "--no-checkout", str(origin), str(clone))
    took = []
    for command in (
        ("git", "-C", str(clone), "checkout", "-q", "main"),
        ("cp", "-r", str(clone), str(copy)),
        ("rm", "-r", str(copy)),
    ):
        started = time.perf_counter()
        subprocess.run(command, check=True)
        took.append(time.perf_counter() - started)
    shutil.rmtree(clone)
    return took[0], took[1], took[2]


async def _trees(top: Path, origin: Path, rounds: int) -> dict[str, list[float]]:
    commands = GitCommands(timeout_s=600)
    ways = GitNetwork(commands, policy=AddressPolicy(), places=LocalPlaces(owner="bench"))
    repository = await open_repository(
        name="large", remote=ways.remote(str(origin), tenant="bench", reach=Reach.PRIVATE), cache_dir=top / "cache",
        commands=commands, author=_BENCH, clock=SystemClock(), new_user=user_of_a_new_tree,
    )  # fmt: skip
    await repository.fetch()
    base = str(await repository.branch_head("main"))
    took = {"first": [await _timed(repository.checkout(top / "first", base))]}
    _disturb(top / "first")
    took["back"] = [await _timed(repository.give_back(top / "first"))]
    for number in range(rounds):
        await _round(repository, top / f"tree-{number}", base, took)
    await repository.drop_spares()
    repository.close()
    return took


async def _round(repository: GitRepository, tree: Path, base: str, took: dict[str, list[float]]) -> None:
    took.setdefault("checkout", []).append(await _timed(repository.checkout(tree, base)))
    _disturb(tree)
    took["back"].append(await _timed(repository.give_back(tree)))
    took.setdefault("agent", []).append(await _timed(repository.add_worktree(tree, base)))
    _disturb(tree)
    saved = repository.snapshot(tree, parent=base, message="x", edited=["package0/module0/file0.py"])
    took.setdefault("snapshot", []).append(await _timed(saved))
    await repository.give_back(tree)
    if tree.name == "tree-0":
        # From here on there is one of each kind.
        await repository.checkout(tree, base)
        await repository.give_back(tree)


def _disturb(tree: Path) -> None:
    give(tree, identity_for(tree))
    (tree / "package0" / "module0" / "file0.py").write_text("changed = True\n", encoding="ascii")
    (tree / "report.xml").write_text("<left/>", encoding="ascii")
    for number in range(100):
        cache = tree / f"package{number}" / "__pycache__"
        cache.mkdir(exist_ok=True)
        (cache / "x.pyc").write_bytes(b"left")


async def _timed(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


def _git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(directory), *arguments], check=True, capture_output=True)
