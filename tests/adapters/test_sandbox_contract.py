"""What every implementation of the Sandbox port promises, contained or not."""

import asyncio
import os
import sys
import tracemalloc
from pathlib import Path

import pytest

from pipeline.adapters.sandbox.bubblewrap import Bubblewrap, start_sandbox
from pipeline.adapters.sandbox.uncontained import Refusing
from pipeline.change_request import PauseReason
from pipeline.errors import ModelError, PersonNeeded
from pipeline.ports import Sandbox, SandboxCommand
from pipeline.settings.process import EnvironmentSettings, SandboxSettings
from tests.adapters.conftest import alive
from tests.adapters.hostile_trees import nested

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="containment is Linux's"),
    # These look for processes of the whole machine by their command lines: one worker runs them, one after the other.
    pytest.mark.xdist_group("processes by name"),
]


def shell(tree: Path, script: str, *, timeout_s: float = 20.0, output_max_bytes: int = 50_000) -> SandboxCommand:
    return SandboxCommand(
        argv=("/bin/sh", "-c", script),
        cwd=tree,
        writable=(tree,),
        timeout_s=timeout_s,
        output_max_bytes=output_max_bytes,
    )


async def test_a_command_writes_files_that_the_pipeline_can_read_and_delete(sandbox: Sandbox, tree: Path) -> None:
    (tree / "given.txt").write_text("from the pipeline")
    result = await sandbox.run(
        shell(tree, "cat given.txt && echo more >> given.txt && mkdir -m 700 d && echo x > d/f && chmod 600 d/f")
    )
    assert (result.exit_code, result.output) == (0, "from the pipeline")
    assert (tree / "given.txt").read_text() == "from the pipelinemore\n"
    assert (tree / "d" / "f").read_text() == "x\n"
    (tree / "d" / "f").unlink()
    (tree / "d").rmdir()


async def test_output_keeps_the_order_of_both_streams(sandbox: Sandbox, tree: Path) -> None:
    result = await sandbox.run(shell(tree, "echo one; echo two >&2; echo three"))
    assert result.output == "one\ntwo\nthree\n"
    assert not result.truncated


async def test_exit_codes_and_signals_are_told_apart(sandbox: Sandbox, tree: Path) -> None:
    assert (await sandbox.run(shell(tree, "exit 7"))).exit_code == 7
    assert (await sandbox.run(shell(tree, "kill -9 $$"))).exit_code == 137
    missing = await sandbox.run(SandboxCommand(argv=("no-such-program",), cwd=tree, writable=(tree,)))
    assert missing.exit_code == 127
    assert "no-such-program" in missing.output


async def test_standard_input_is_what_was_given_and_otherwise_empty(sandbox: Sandbox, tree: Path) -> None:
    given = b"\x00 bytes \xff" * 50_000
    command = SandboxCommand(argv=("sha256sum",), cwd=tree, writable=(tree,), stdin=given)
    assert (await sandbox.run(command)).output != (await sandbox.run(shell(tree, "sha256sum"))).output
    counted = SandboxCommand(argv=("wc", "-c"), cwd=tree, writable=(tree,), stdin=given)
    assert (await sandbox.run(counted)).output.strip() == str(len(given))
    assert (await sandbox.run(shell(tree, "wc -c"))).output.strip() == "0"


async def test_the_environment_is_the_minimum_plus_what_was_asked_for(
    sandbox: Sandbox, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "canary-in-the-environment")
    command = SandboxCommand(argv=("env",), cwd=tree, writable=(tree,), environment={"ASKED": "for"})
    result = await sandbox.run(command)
    names = {line.partition("=")[0] for line in result.output.splitlines()}
    assert names - {"CHANGELINE_RUN", "_"} == {"PATH", "HOME", "LANG", "TMPDIR", "USER", "PWD", "ASKED"}
    assert "/usr/local/bin" in result.output
    assert "canary" not in result.output


async def test_a_flood_of_output_is_cut_in_the_middle_and_held_in_little_memory(sandbox: Sandbox, tree: Path) -> None:
    tracemalloc.start()
    try:
        result = await sandbox.run(
            shell(tree, "echo first; head -c 200000000 /dev/zero | tr '\\0' x; echo last", output_max_bytes=10_000)
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.exit_code == 0
    assert result.truncated
    assert result.output.startswith("first\n")
    assert result.output.endswith("last\n")
    assert "bytes cut" in result.output
    assert len(result.output) < 11_000
    assert peak < 5_000_000


async def test_undecodable_output_is_replaced_not_raised(sandbox: Sandbox, tree: Path) -> None:
    result = await sandbox.run(shell(tree, "printf 'a\\377b'"))
    assert result.output == "a\ufffdb"


async def test_what_the_machine_calls_itself_has_an_address(bubblewrap: Bubblewrap, tree: Path) -> None:
    asked = "python3 -c 'import socket; print(socket.gethostbyname(socket.gethostname()))'"
    assert (await bubblewrap.run(shell(tree, asked))).output == "127.0.0.1\n"


async def test_a_command_that_closes_its_tree_does_not_shut_out_the_next(bubblewrap: Bubblewrap, tree: Path) -> None:
    assert (await bubblewrap.run(shell(tree, "chmod 000 ."))).exit_code == 0
    assert (await bubblewrap.run(shell(tree, "touch in && ls"))).output == "in\n"


LEAVING = "sleep {0} & setsid sleep {0} & (setsid sh -c 'trap \"\" TERM HUP; sleep {0} & sleep {0}' &)"


async def test_a_timeout_kills_the_whole_tree(sandbox: Sandbox, tree: Path) -> None:
    result = await sandbox.run(shell(tree, LEAVING.format(612301) + "; echo started; sleep 612301", timeout_s=0.5))
    assert result.timed_out
    assert result.exit_code == 137
    assert result.output == "started\n"
    assert alive("sleep 612301") == []


async def test_daemons_left_behind_die_with_their_command(sandbox: Sandbox, tree: Path) -> None:
    result = await sandbox.run(shell(tree, LEAVING.format(612302) + "; echo done"))
    assert (result.exit_code, result.output) == (0, "done\n")
    assert alive("sleep 612302") == []


async def test_a_daemon_without_open_pipes_dies_too(sandbox: Sandbox, tree: Path) -> None:
    await sandbox.run(shell(tree, "(setsid sleep 612303 </dev/null >/dev/null 2>&1 &) ; true"))
    assert alive("sleep 612303") == []


async def test_cancelling_kills_the_whole_tree_before_it_returns(sandbox: Sandbox, tree: Path) -> None:
    script = LEAVING.format(612304) + "; touch started; sleep 612304"
    running = asyncio.create_task(sandbox.run(shell(tree, script, timeout_s=100)))
    while not (tree / "started").exists():
        await asyncio.sleep(0.01)
    running.cancel()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert alive("sleep 612304") == []


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 8, 13])
async def test_cancelling_at_any_moment_of_the_start_leaves_nothing(sandbox: Sandbox, tree: Path, steps: int) -> None:
    open_before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count
    running = asyncio.create_task(sandbox.run(shell(tree, "sleep 612305", timeout_s=100)))
    for _ in range(steps):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert alive("sleep 612305") == []
    assert len(os.listdir("/proc/self/fd")) <= open_before + 1  # noqa: PTH208 - the directory itself may be among them


@pytest.mark.parametrize("argument", ["x" * 200_000, "a\0b"], ids=["too long", "NUL"])
async def test_what_no_kernel_would_start_goes_back_to_the_model(sandbox: Sandbox, tree: Path, argument: str) -> None:
    with pytest.raises(ModelError):
        await sandbox.run(shell(tree, argument))


async def test_commands_run_side_by_side(sandbox: Sandbox, tmp_path: Path) -> None:
    trees = [tmp_path / f"tree{number}" for number in range(4)]
    for number, tree in enumerate(trees):
        tree.mkdir()
        (tree / "name").write_text(str(number))
    results = await asyncio.gather(*(sandbox.run(shell(tree, "cat name")) for tree in trees))
    assert [result.output for result in results] == ["0", "1", "2", "3"]


async def test_a_built_directory_appears_inside_the_tree_and_leaves_no_trace(
    sandbox: Sandbox, tree: Path, tmp_path: Path
) -> None:
    built = tmp_path / "built"
    built.mkdir()
    (built / "module.js").write_text("content")
    command = SandboxCommand(
        argv=("cat", "node_modules/module.js"), cwd=tree, writable=(tree,), mounts={tree / "node_modules": built}
    )
    assert (await sandbox.run(command)).output == "content"
    left = tree / "node_modules"
    assert not left.is_symlink()
    assert not left.exists() or list(left.iterdir()) == []


@pytest.mark.parametrize("planted", ["link", "file", "linked above"])
async def test_what_stands_where_a_directory_is_mounted_can_be_removed_by_a_command(
    sandbox: Sandbox, tree: Path, tmp_path: Path, planted: str
) -> None:
    built, outside = tmp_path / "built", tmp_path / "outside"
    built.mkdir()
    outside.mkdir()
    (built / "module.js").write_text("content")
    place = tree / "web/node_modules"
    (tree if planted == "linked above" else place.parent).mkdir(exist_ok=True)
    if planted == "file":
        place.write_text("a file")
    else:
        (place.parent if planted == "linked above" else place).symlink_to(outside)
    mounts = {place: built}
    removed = SandboxCommand(argv=("rm", "-r", "web"), cwd=tree, writable=(tree,), mounts=mounts)
    assert (await sandbox.run(removed)).exit_code == 0
    shown = SandboxCommand(argv=("cat", str(place / "module.js")), cwd=tree, writable=(tree,), mounts=mounts)
    assert (await sandbox.run(shown)).output == "content"
    assert list(outside.iterdir()) == []


async def test_a_command_can_remove_directories_that_are_deeper_than_any_path(sandbox: Sandbox, tree: Path) -> None:
    nested(tree / "deep", 3_000)
    assert (await sandbox.run(shell(tree, "rm -r deep && ls"))).output == ""


async def test_a_machine_without_bubblewrap_refuses_and_names_the_remedy(
    tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = await start_sandbox(SandboxSettings(), EnvironmentSettings(), hidden=())
    assert isinstance(sandbox, Refusing)
    assert not sandbox.isolation().active
    assert "bwrap" in sandbox.isolation().detail
    with pytest.raises(PersonNeeded) as caught:
        await sandbox.run(shell(tree, "true"))
    assert caught.value.reason is PauseReason.SANDBOX_UNAVAILABLE
    assert "apt-get install bubblewrap" in str(caught.value.facts["remedy"])


async def test_an_operator_may_allow_tools_without_isolation_and_it_says_so(
    tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = await start_sandbox(SandboxSettings(allow_uncontained=True), EnvironmentSettings(), hidden=())
    assert sandbox.isolation().name == "none"
    assert "uncontained" in sandbox.isolation().detail
    assert (await sandbox.run(shell(tree, "echo ran"))).output == "ran\n"
