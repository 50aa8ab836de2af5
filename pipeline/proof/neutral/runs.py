"""Runs the tests of some files without a runner, and, where that fails, with one that hides nothing.

Problem: code under test can find out that a test calls it, and be right there alone. Choice: the frame of this package calls the
same assertions in a plain process, in which modules, functions, arguments, files, the user and the environment have names that
nobody knew. The frame is no full stand-in for a runner, so what fails there is called by the same frame from within the real
runner, under the original names (disclosed): only what passes in that and fails in the other speaks against the code.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from pipeline.machine import tree_walk
from pipeline.proof.neutral.calls import Call, Calls, Ground, Laying, Site
from pipeline.proof.neutral.javascript_laying import JAVASCRIPT_RUNNERS, JavaScriptLaying
from pipeline.proof.neutral.python_laying import PYTHON_RUNNERS, PythonLaying
from pipeline.proof.test_runs import RESULTS
from pipeline.proof.untrusted_files import ReportUnreadable, folder_inside, read_inside

RUNNERS = PYTHON_RUNNERS | JAVASCRIPT_RUNNERS
LINE_MAX_CHARS = 300
_SEEN_MAX_BYTES = 4 * 1024 * 1024


async def called_alone(ground: Ground, files: Sequence[str], *, names_stay: bool = False) -> Calls:
    """Call the tests of these files in a plain process, under other names. Paths are the repository's.

    Where `names_stay`, what the files call their functions and variables is as it was; all around it is not.
    """
    return await _called(ground, files, disclosed=False, names_stay=names_stay)


async def called_by_the_runner(ground: Ground, files: Sequence[str]) -> Calls:
    """Call them by the same frame from within their runner, under their own names."""
    return await _called(ground, files, disclosed=True, names_stay=True)


async def _called(ground: Ground, files: Sequence[str], *, disclosed: bool, names_stay: bool) -> Calls:
    folder = await asyncio.to_thread(folder_inside, ground.tree, ground.stack.root)
    if folder is None:
        return Calls(left=dict.fromkeys(files, "its folder is not there"))
    scratch = await asyncio.to_thread(_scratch, ground.tree)
    try:
        site = Site(ground=ground, folder=folder, scratch=scratch, disclosed=disclosed, names_stay=names_stay)
        laying = _laying_at(site)
        laid = await asyncio.to_thread(laying.lay, files)
        if not laid.asked:
            return Calls(left=laid.left)
        result = await ground.sandbox.run(laying.command(laid))
        told = await asyncio.to_thread(_told, scratch, laying)
        names_kept = tuple(sorted(laid.names_kept))
        return Calls(
            calls=told,
            last_line=_last_line(result.output),
            left=laid.left,
            names_kept=names_kept,
            duration_ms=round(result.duration_s * 1000),
        )
    finally:
        await asyncio.to_thread(tree_walk.discard, scratch)


def _laying_at(site: Site) -> Laying:
    runs_python = site.ground.stack.runner in PYTHON_RUNNERS
    return PythonLaying(site=site) if runs_python else JavaScriptLaying(site=site)


def _scratch(tree: Path) -> Path:
    scratch = Path(tempfile.mkdtemp(prefix=f"{tree.name}{RESULTS}", dir=tree.parent))
    for name in ("tools", "results"):
        (scratch / name).mkdir()
    return scratch


def _last_line(output: str) -> str:
    return next((line.strip()[:LINE_MAX_CHARS] for line in reversed(output.splitlines()) if line.strip()), "")


def _told(scratch: Path, laying: Laying) -> tuple[Call, ...]:
    """Return what the frame wrote; the process can write there too, so what is no such line is passed over."""
    found: list[Call] = []
    for name in sorted(one.name for one in (scratch / "results").iterdir()):
        try:
            text = read_inside(scratch / "results", name, max_bytes=_SEEN_MAX_BYTES)
        except ReportUnreadable:
            continue
        for line in text.splitlines():
            try:
                found.append(laying.original(Call.model_validate_json(line)))
            except ValidationError:
                continue
    return tuple(found)
