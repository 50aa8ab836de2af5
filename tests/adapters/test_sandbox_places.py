"""Where a data directory may lie, and what the check at start-up says where it may not."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.adapters.sandbox.bubblewrap import Bubblewrap, start_sandbox
from pipeline.adapters.sandbox.start_up_check import Places, trial
from pipeline.adapters.sandbox.uncontained import Refusing
from pipeline.change_request import PauseReason
from pipeline.errors import InvariantBroken, PersonNeeded
from pipeline.ports import SandboxCommand
from pipeline.settings.process import EnvironmentSettings, SandboxSettings
from tests.adapters.as_user import User, user_with

CANARY = "canary-2b90"
ODD = "with space/ünï\udcff/" + "/".join("deep" * 40 for _ in range(8)) + "/new\nline"
LOOK = "cat {data}/secret {real}/secret; echo filled > {real}/f; ls {real}; echo mine > f && pwd"


def _moved(user: User, name: str) -> None:
    """Give the user's data directory a longer name, all of which it owns."""
    for part in Path(name).parts:
        user.data /= part
        user.data.mkdir(mode=0o755)
        if user.uid:
            os.chown(user.data, user.uid, user.uid)


def _look(user: User, real: Path, **settings: list[str]) -> str:
    (real / "secret").write_text(CANARY)
    (real / "secret").chmod(0o644)
    script = LOOK.format(data=f"'{user.data}'", real=f"'{real}'")
    _, [(code, output)] = user.run(("/bin/bash", "-c", script), **settings)
    assert code == 0, output
    assert output.rstrip("\n").endswith("/worktrees/one")
    assert CANARY not in output
    assert not (real / "f").exists()
    return output


@pytest.mark.parametrize("below", ["/var/tmp", "/tmp", "/dev/shm", "/run", "/home", "/srv", "/usr/local", "/etc"])
@pytest.mark.parametrize("ordinary", [False, True], ids=["as we are", "ordinary user"])
def test_a_data_directory_works_wherever_it_lies(*, ordinary: bool, below: str) -> None:
    if not os.access(below, os.W_OK):
        pytest.skip("this user cannot write there")
    with user_with(ordinary=ordinary, counted=False, below=Path(below)) as user:
        _look(user, user.data)


@pytest.mark.parametrize("ordinary", [False, True], ids=["as we are", "ordinary user"])
def test_a_data_directory_works_under_odd_names_and_behind_links(*, ordinary: bool) -> None:
    with user_with(ordinary=ordinary, counted=False, below=Path("/var/tmp")) as user:
        _moved(user, ODD)
        real, top = user.data, user.data.parents[len(Path(ODD).parts)]
        (top / "link").symlink_to(real)
        (top / "up").symlink_to(top)
        user.data = top / "link"
        _look(user, real)
        user.data = top / "up" / real.relative_to(top)
        _look(user, real)


@pytest.mark.parametrize("ordinary", [False, True], ids=["as we are", "ordinary user"])
def test_a_directory_shown_under_another_name_does_not_show_our_own(*, ordinary: bool) -> None:
    with user_with(ordinary=ordinary, counted=False) as user:
        (user.data / "secret").write_text(CANARY)
        (user.data / "secret").chmod(0o644)
        user.data.chmod(0o755)
        with user_with(ordinary=False, counted=False) as other:
            (other.data.parent / "alias").symlink_to(user.data.parent)
            shown = other.data.parent / "alias"
            look = ("/bin/sh", "-c", f"cat {shown}/data/secret {user.data}/secret; echo x > {shown}/data/x; ls {shown}")
            _, [(_, output)] = user.run(look, read_only=[str(shown)])
        assert "data" in output.splitlines()
        assert CANARY not in output
        assert not (user.data / "x").exists()


async def test_what_cannot_be_shown_is_said_at_the_start_with_its_path_and_what_helps(tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    (shown / "real").mkdir(parents=True)
    (shown / "link").symlink_to(shown / "real")
    data = shown / "link"
    sandbox = await start_sandbox(
        SandboxSettings(read_only=(shown,)), EnvironmentSettings(), hidden=(data,), places=Places.below(data)
    )
    assert isinstance(sandbox, Refusing)
    detail = sandbox.isolation().detail
    assert f"{data}/worktrees" in detail
    assert "CHANGELINE_DATA_DIR" in detail
    assert "apt-get" not in detail
    with pytest.raises(PersonNeeded) as caught:
        await sandbox.run(SandboxCommand(argv=("true",), cwd=data, writable=()))
    assert caught.value.reason is PauseReason.SANDBOX_UNAVAILABLE
    assert "apt-get" not in str(caught.value.facts["remedy"])


async def test_a_place_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "worktrees").write_text("a file")
    sandbox = await start_sandbox(
        SandboxSettings(), EnvironmentSettings(), hidden=(tmp_path,), places=Places.below(tmp_path)
    )
    assert isinstance(sandbox, Refusing)
    assert f"{tmp_path}/worktrees: File exists" in sandbox.isolation().detail


async def test_the_check_leaves_nothing_behind(tmp_path: Path) -> None:
    sandbox = await start_sandbox(
        SandboxSettings(), EnvironmentSettings(), hidden=(tmp_path,), places=Places.below(tmp_path)
    )
    assert sandbox.isolation().active
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["environments", "worktrees"]


async def test_every_tree_stands_at_the_fixed_path_that_a_command_asks_for(bubblewrap: Bubblewrap, tree: Path) -> None:
    beside = tree.with_name(f"{tree.name}-results")
    beside.mkdir()
    (tree / "inner").mkdir()
    script = f'pwd; echo "$PLACE"; echo x > {tree}/inner/written; ls /fixed/inner; echo {beside}; touch {beside}/y'
    command = SandboxCommand(
        argv=("sh", "-c", script),
        cwd=tree / "inner",
        writable=(tree, beside),
        tree_at=Path("/fixed"),
        environment={"PLACE": f"{tree}:{tree}/a"},
    )
    result = await bubblewrap.run(command)
    assert result.output.split() == ["/fixed/inner", "/fixed:/fixed/a", "written", str(beside)], result.output
    assert (tree / "inner" / "written").read_text() == "x\n"
    looking = replace(command, argv=("sh", "-c", "cat written; touch x /fixed/y"), writable=(), read_only=(tree,))
    result = await bubblewrap.run(looking)
    assert result.output.startswith("x\n")
    assert result.exit_code != 0
    with pytest.raises(InvariantBroken):
        await bubblewrap.run(replace(command, cwd=tree.parent))


async def test_a_fixed_path_shows_nothing_of_the_pipelines_own(bubblewrap: Bubblewrap, tree: Path) -> None:
    for fixed in (Path("/"), Path("/a/../b"), Path("relative")):
        with pytest.raises(InvariantBroken):
            await bubblewrap.run(SandboxCommand(argv=("true",), cwd=tree, writable=(tree,), tree_at=fixed))


def test_what_a_killed_check_left_goes_with_the_next_and_a_running_one_keeps_its_place(tmp_path: Path) -> None:
    places = Places.below(tmp_path)
    left, running = places.worktrees / "changeline-probe-left", places.environments / "changeline-probe-running"
    for made in (left / "mounted", running):
        made.mkdir(parents=True)
    os.utime(left, (0, 0))
    with trial(places) as made_now:
        assert not made_now.problem
    assert list(places.worktrees.iterdir()) == []
    assert list(places.environments.iterdir()) == [running]
