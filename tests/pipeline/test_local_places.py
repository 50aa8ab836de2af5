"""Which paths may be repositories, for whom: what counts is where a path really leads."""

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.errors import CallerError
from pipeline.repositories.local_places import LocalPlaces, overlap
from pipeline.settings.process import GitSettings, ProcessSettings
from tests.adapters.git_world import git


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with an opened directory, a data directory, and a place that is nobody's business."""
    for name in ("opened/ours", "data/git", "elsewhere/secret"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def places(machine: Path) -> LocalPlaces:
    return LocalPlaces(owner="owner", opened=[machine / "opened"], closed=[machine / "data"])


def test_the_owner_may_use_any_path_but_the_data_directory_and_others_only_what_is_opened(
    places: LocalPlaces, machine: Path
) -> None:
    for path in (machine / "opened/ours", machine / "opened/not-there"):
        assert places.is_open(str(path))
        assert places.may_use(str(path), "other")
    for path in (machine / "elsewhere/secret", machine / "elsewhere/not-there", machine / "opened/../elsewhere/secret",
                 Path("/"), machine / "opened-not"):  # fmt: skip
        assert not places.is_open(str(path))
        assert not places.may_use(str(path), "other")
        assert places.may_use(str(path), "owner")
    for path in (
        machine / "data",
        machine / "data/git/x.git",
        machine / "elsewhere/../data/git",
        machine / "data/not-there",
    ):
        assert not places.may_use(str(path), "owner")


def test_links_and_pointers_lead_out_of_an_opened_directory_or_into_the_data_directory_in_vain(
    places: LocalPlaces, machine: Path
) -> None:
    opened = machine / "opened"
    (opened / "out").symlink_to(machine / "elsewhere/secret")
    (opened / "in").symlink_to(machine / "data")
    (machine / "elsewhere/in.git").symlink_to(machine / "data/git")
    (opened / "loop").symlink_to(opened / "loop")
    (opened / "beside.git").symlink_to(machine / "elsewhere/secret")
    (opened / "work").mkdir()
    (opened / "work/.git").write_text(f"gitdir: {machine}/elsewhere/secret\n")
    for path in (opened / "out", opened / "beside", opened / "beside.git", opened / "work"):
        assert not places.is_open(str(path))
        assert not places.may_use(str(path), "other")
    for path in (opened / "in", opened / "in/git", machine / "elsewhere/in"):
        assert not places.may_use(str(path), "owner")
    assert places.is_open(str(opened / "loop"))
    pointing = machine / "elsewhere/pointing"
    pointing.mkdir()
    (pointing / ".git").write_text(f"gitdir: {machine}/data/git\n")
    assert not places.may_use(str(pointing), "owner")
    sharing = machine / "elsewhere/sharing"
    sharing.mkdir()
    (sharing / "commondir").write_text("../../data/git\n")
    assert not places.may_use(str(sharing), "owner")


def test_an_opened_directory_may_be_a_link_itself(machine: Path) -> None:
    (machine / "link").symlink_to(machine / "opened")
    places = LocalPlaces(owner="owner", opened=[machine / "link"])
    assert places.is_open(str(machine / "link/ours"))
    assert places.is_open(str(machine / "opened/ours"))


def test_one_repository_is_recognised_under_all_its_spellings(machine: Path) -> None:
    taken = machine / "elsewhere/taken"
    git(machine, "init", "-q", "-b", "main", str(taken))
    git(taken, "commit", "-q", "--allow-empty", "-m", "x")
    git(taken, "worktree", "add", "-q", str(machine / "linked"), "-b", "side")
    git(machine, "init", "-q", "--bare", str(machine / "bare.git"))
    (machine / "alias").symlink_to(taken)
    for path in (
        taken,
        taken / ".git",
        taken / "sub",
        machine / "alias",
        machine / "linked",
        machine / "opened/../alias",
    ):
        assert overlap(str(path), [str(taken)]), path
    assert overlap(str(machine / "bare"), [str(machine / "bare.git")])
    assert overlap(str(machine / "bare.git"), [str(machine / "bare")])
    assert overlap(str(taken), [str(machine / "linked")])
    assert not overlap(str(machine / "opened/ours"), [str(taken), str(machine / "bare.git")])


def test_pipes_devices_and_odd_pointers_block_and_break_nothing(places: LocalPlaces, machine: Path) -> None:
    odd = machine / "opened/odd"
    odd.mkdir()
    os.mkfifo(odd / "commondir")
    (odd / ".git").symlink_to("/dev/zero")
    assert not places.is_open(str(odd)), "it leads out"
    (odd / ".git").unlink()
    assert places.is_open(str(odd))
    for words in (b"gitdir: \0", b"gitdir: " + b"a/" * 3000, b"\xff\xfe", b"gitdir:"):
        (odd / ".git").write_bytes(words)
        assert places.may_use(str(odd), "owner")
    assert not places.is_open("/" + "x/" * 5000)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take on another user")
def test_what_an_ordinary_user_may_not_enter_is_no_error(places: LocalPlaces, machine: Path) -> None:
    (machine / "elsewhere/secret").chmod(0o700)
    machine.chmod(0o755)
    code = subprocess.run(["true"], user=65534, check=False).returncode
    assert code == 0
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        fine = places.may_use(str(machine / "elsewhere/secret/x"), "owner") and not overlap(
            str(machine / "elsewhere/secret/x"), ["/var/lib/x"]
        )
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_directories_are_opened_by_absolute_paths() -> None:
    with pytest.raises(CallerError) as refused:
        LocalPlaces.of(ProcessSettings(_env_file=None, git=GitSettings(local_paths=(Path("here"),))))
    assert refused.value.field == "CHANGELINE_GIT__LOCAL_PATHS"
