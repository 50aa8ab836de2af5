"""A sandbox without walls and the sample stacks that the evidence tests run in it."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Collection
from pathlib import Path

from pipeline.limits import Limits
from pipeline.ports import CommandResult, Environment, Isolation, Language, SandboxCommand, Stack
from pipeline.proof.test_reports import TestReport
from pipeline.proof.test_runs import run_tests

PYTEST = Stack(language=Language.PYTHON, runner="pytest", test_command="pytest", manifests=())
UNITTEST = Stack(language=Language.PYTHON, runner="unittest", test_command="python -m unittest", manifests=())
NODE = Stack(language=Language.NODE, runner="node_test", test_command="node --test", manifests=("package.json",))
CARGO = Stack(language=Language.RUST, runner="cargo_test", test_command="cargo test", manifests=("Cargo.toml",))


class PlainSandbox:
    """Runs the command as it is, in a process group of its own."""

    async def run(self, command: SandboxCommand) -> CommandResult:
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            cwd=command.cwd,
            env={"HOME": str(Path.home()), **command.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        timed_out = False
        try:
            output, _ = await asyncio.wait_for(process.communicate(), command.timeout_s)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            output, timed_out = b"", True
            await process.wait()
        code = process.returncode or 0
        return CommandResult(
            exit_code=code if code >= 0 else 128 - code,
            output=output.decode("utf-8", "replace")[: command.output_max_bytes],
            timed_out=timed_out,
            duration_s=time.monotonic() - began,
        )

    def isolation(self) -> Isolation:
        return Isolation(name="none", detail="a test's own subprocess")


def environment(tmp_path: Path, path: tuple[Path, ...] = (), variables: dict[str, str] | None = None) -> Environment:
    """This test's own Python under the name `python`, then whatever else the stack needs."""
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    if not (programs / "python").exists():
        (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (programs / "python").chmod(0o755)
    return Environment(
        manifest_hash="0",
        root=tmp_path,
        read_only=(),
        path=(programs, *path),
        variables={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **(variables or {})},
    )


def write_tree(tree: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return tree


async def run(
    stack: Stack,
    tmp_path: Path,
    files: dict[str, str],
    *selection: str,
    path: tuple[Path, ...] = (),
    timeout_s: int = 60,
    variables: dict[str, str] | None = None,
    beside: tuple[str, ...] | None = None,
    guarded: Collection[str] = (),
) -> TestReport:
    """Write a fresh checkout and run its tests; without a selection the full suite."""
    number = sum(1 for entry in tmp_path.iterdir() if entry.name.startswith("tree"))
    tree = write_tree(tmp_path / f"tree{number}", files)
    return await run_tests(
        stack=stack,
        tree=tree,
        environment=environment(tmp_path, path, variables),
        sandbox=PlainSandbox(),
        selection=selection or None,
        limits=Limits(test_timeout_s=timeout_s),
        beside=beside,
        guarded=guarded,
    )
