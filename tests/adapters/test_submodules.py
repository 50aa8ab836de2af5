"""Trees hold the files of submodules at the recorded commits, from addresses that are allowed, and never save them."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.adapters.git.repository import GitRepository, open_repository
from pipeline.adapters.git.runner import GitCommands
from pipeline.change_request import Reach
from pipeline.errors import CallerError, ModelError
from pipeline.ports import Absent
from pipeline.repositories.local_places import LocalPlaces
from pipeline.repositories.remote_address import RemoteAddress
from pipeline.repositories.submodules import address_beside, addresses_by_path
from tests.adapters.git_world import ADA, NoonClock, Origin, content, git, make_origin, repository_of, to, write
from tests.git_server import GitServer, git_server

LIB = {"lib/a.py": b"A = 1\n", "lib/b.py": b"B = 1\n", ".gitignore": b"*.log\n"}


def origin_at(tmp_path: Path, name: str) -> Origin:
    """Return a remote that lies in one directory with all others."""
    made = make_origin(tmp_path / name)
    (tmp_path / "at").mkdir(exist_ok=True)
    return Origin(made.path.rename(tmp_path / "at" / f"{name}.git"), made.desk)


@pytest.fixture
def library(tmp_path: Path) -> Origin:
    made = origin_at(tmp_path, "library")
    made.commit(LIB)
    git(made.path, "tag", "v1.5")
    return made


@pytest.fixture
def origin(tmp_path: Path, library: Origin) -> Origin:
    made = origin_at(tmp_path, "app")
    made.commit({"app.py": b"app\n"})
    return made


def record(origin: Origin, path: str, url: str | None, commit: str | None) -> str:
    """Publish a commit that has a submodule, as `git submodule add` makes it."""
    if url is not None:
        name = re.sub(r"\W", "-", path)
        git(origin.desk, "config", "--file", ".gitmodules", f"submodule.{name}.path", path)
        git(origin.desk, "config", "--file", ".gitmodules", f"submodule.{name}.url", url)
        git(origin.desk, "add", ".gitmodules")
    git(origin.desk, "update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    git(origin.desk, "commit", "-q", "-m", "submodule")
    git(origin.desk, "push", "-q", str(origin.path), "HEAD:refs/heads/main")
    return git(origin.desk, "rev-parse", "HEAD")


async def opened(origin: Origin, cache: Path) -> GitRepository:
    repository = await repository_of(origin.path, cache)
    await repository.fetch()
    return repository


async def test_a_tree_has_the_recorded_files_and_answers_git_as_a_clone_does(
    origin: Origin, library: Origin, tmp_path: Path
) -> None:
    old = library.head("refs/heads/main")
    library.commit({"lib/a.py": b"newer\n"})
    base = record(origin, "vendor/lib", "../library.git", old)
    repository = await opened(origin, tmp_path / "cache")
    assert await repository.absent(base) == Absent()
    for name, make in (("clean", repository.checkout), ("agents", repository.add_worktree)):
        tree = tmp_path / name
        await make(tree, base)
        held = {path: text for path, text in content(tree).items() if path.startswith("vendor/")}
        assert held.pop("vendor/lib/.git").startswith(b"gitdir: ../../.git/modules/")
        assert held == {f"vendor/lib/{path}": text for path, text in LIB.items()}
        assert git(tree, "status", "--porcelain") == ""
        assert git(tree, "submodule", "status") == f" {old} vendor/lib (v1.5)"
        assert git(tree / "vendor/lib", "describe", "--tags") == "v1.5"
        assert "vendor/lib/lib/a.py" in git(tree, "ls-files", "--recurse-submodules").splitlines()
    shutil.move(tmp_path / "clean", tmp_path / "elsewhere")
    assert git(tmp_path / "elsewhere", "submodule", "status").startswith(f" {old}")


async def test_what_changes_in_a_submodule_is_refused_by_name_and_the_rest_is_saved(
    origin: Origin, library: Origin, tmp_path: Path
) -> None:
    base = record(origin, "vendor/lib", "../library.git", library.head("refs/heads/main"))
    repository = await opened(origin, tmp_path / "cache")
    tree = tmp_path / "tree"
    await repository.add_worktree(tree, base)
    write(tree, {"app.py": b"changed\n", "vendor/lib/left.pyc": b"left by a test", "vendor/lib/x.log": b"ignored"})
    head = await repository.snapshot(tree, parent=base, message="x", declared=["app.py"])
    assert [file.path for file in await repository.changed_files(base, head)] == ["app.py"]
    assert git(tree / "vendor/lib", "status", "--porcelain") == "?? left.pyc"

    write(tree, {"vendor/lib/lib/a.py": b"patched\n", "vendor/lib/lib/b.py": None})
    for named in ([], ["vendor/lib/lib/a.py"]):
        with pytest.raises(ModelError, match="belong to a submodule") as refused:
            await repository.snapshot(tree, parent=head, message="x", declared=named)
        assert refused.value.facts["paths"] == ["vendor/lib/lib/a.py", "vendor/lib/lib/b.py"]
    git(tree / "vendor/lib", "checkout", "--", ".")
    assert await repository.snapshot(tree, parent=head, message="x", edited=["vendor/lib/lib/a.py"]) == head
    with pytest.raises(ModelError, match=r"submodule.*vendor/lib/left\.pyc"):
        await repository.snapshot(tree, parent=head, message="x", declared=["vendor/lib/left.pyc"])

    await repository.restore_worktree(tree, head)
    assert not (tree / "vendor/lib/left.pyc").exists()
    assert git(tree / "vendor/lib", "status", "--porcelain") == ""


TRICKS = ("repository", "pointer", "link", "directory link", "nested", "pipe", "file")


def play(trick: str, place: Path, outside: Path) -> None:
    """Do to the submodule at `place` what a hostile agent would; `outside` is a git repository that runs a program."""
    match trick:
        case "repository":
            (place / ".git").unlink()
            shutil.copytree(outside / ".git", place / ".git")
        case "pointer":
            (place / ".git").write_text(f"gitdir: {outside}/.git\n")
        case "link":
            (place / ".git").unlink()
            (place / ".git").symlink_to(outside / ".git")
        case "directory link":
            shutil.rmtree(place.parent)
            place.parent.symlink_to(outside)
        case "nested":
            shutil.copytree(outside / ".git", place / "lib" / ".git")
        case "pipe":
            (place / ".gitignore").unlink()
            os.mkfifo(place / ".gitignore")
        case _:
            shutil.rmtree(place)
            place.write_text("a file")


async def test_what_an_agent_puts_in_the_place_of_a_submodule_is_refused_and_never_obeyed(
    origin: Origin, library: Origin, tmp_path: Path
) -> None:
    base = record(origin, "vendor/lib", "../library.git", library.head("refs/heads/main"))
    repository = await opened(origin, tmp_path / "cache")
    tree, outside, sprung = tmp_path / "tree", tmp_path / "outside", tmp_path / "sprung"
    await repository.add_worktree(tree, base)
    git(tmp_path, "init", "-q", str(outside))
    git(outside, "config", "core.fsmonitor", f"touch {sprung}")
    write(outside, {"lib/kept": b"kept"})
    for trick in TRICKS:
        play(trick, tree / "vendor/lib", outside)
        # The tree's own git directory is the agent's to arm as well.
        for config in (tree / ".git" / "modules").glob("*/config"):
            config.write_text(f"[core]\n\tfsmonitor = touch {sprung}\n\tworktree = /\n")
        with pytest.raises(ModelError):
            await repository.snapshot(tree, parent=base, message=trick)
        await repository.restore_worktree(tree, base)
        assert (tree / "vendor/lib/lib/a.py").read_bytes() == b"A = 1\n"
    assert await repository.snapshot(tree, parent=base, message="x") == base
    assert not sprung.exists()
    assert (outside / "lib/kept").read_bytes() == b"kept"


async def test_submodules_of_submodules_come_too_as_deep_as_is_sane(
    origin: Origin, library: Origin, tmp_path: Path
) -> None:
    inner = origin_at(tmp_path, "inner")
    leaf = inner.commit({"leaf": b"leaf"})
    middle = record(library, "deps/inner", "../inner.git", leaf)
    base = record(origin, "lib", "../library.git", middle)
    repository = await opened(origin, tmp_path / "cache")
    tree = tmp_path / "tree"
    await repository.add_worktree(tree, base)
    assert (tree / "lib/deps/inner/leaf").read_bytes() == b"leaf"
    assert git(tree, "status", "--porcelain") == ""
    assert git(tree, "submodule", "status", "--recursive").splitlines()[1].startswith(f" {leaf} lib/deps/inner")
    write(tree, {"lib/deps/inner/leaf": b"changed", "app.py": b"x"})
    with pytest.raises(ModelError, match=r"Found: lib/deps/inner/leaf$"):
        await repository.snapshot(tree, parent=base, message="x")

    itself = record(inner, "again", "../inner.git", leaf)
    for _ in range(6):
        itself = record(inner, "again", None, itself)
    base = record(origin, "lib", "../inner.git", itself)
    await repository.fetch()
    (absent,) = (await repository.absent(base)).submodules
    assert absent.path == "lib/again/again/again/again" and "deep" in absent.why


async def test_an_agent_cannot_say_where_a_submodule_comes_from(
    origin: Origin, library: Origin, tmp_path: Path
) -> None:
    commit = library.head("refs/heads/main")
    base = record(origin, "lib", "../nowhere.git", commit)
    repository = await opened(origin, tmp_path / "cache")
    assert [one.path for one in (await repository.absent(base)).submodules] == ["lib"]
    text = b'[submodule "lib"]\n\tpath = lib\n\turl = ../library.git\n'
    head = await repository.commit_files(parent=base, files={".gitmodules": text}, message="x", author=ADA)
    again = await opened(origin, tmp_path / "cache")
    assert [one.path for one in (await again.absent(head)).submodules] == ["lib"]
    await again.checkout(tmp_path / "tree", head)
    assert list((tmp_path / "tree/lib").iterdir()) == []
    published = record(origin, "lib", "../library.git", commit)
    await again.fetch()
    assert (await (await opened(origin, tmp_path / "cache")).absent(published)).submodules == ()


REFUSED = {
    "nowhere": (None, "says nowhere"),
    "program": ("ext::sh -c true", "neither an absolute path"),
    "plain": ("git://127.0.0.1/x", "not allowed"),
    "option": ("-u./x", "not the address"),
    "secret": ("https://user:word@host/x", "password"),
    "above": ("../" * 20 + "x", "above"),
    "far": ("../../secret.git", "may not name this path"),
    "path": ("/etc", "may not name this path"),
    "file": ("file:///etc", "may not name this path"),
    "gone": ("../gone.git", "may not name this path"),
    "private": ("http://127.0.0.1:9/x.git", "not public"),
    "metadata": ("http://169.254.169.254/x.git", "never connected|not public"),
    "shell": ("ssh://git@127.0.0.1:9/x.git", "not public"),
    "odd\nname": ("../library.git", "one line"),
}


async def test_what_may_not_be_fetched_is_named_with_its_reason_and_stays_empty(
    origin: Origin, library: Origin, tmp_path: Path
) -> None:
    base = ""
    for path, (url, _) in REFUSED.items():
        base = record(origin, path, url, library.head("refs/heads/main"))
    repository = await opened(origin, tmp_path / "cache")
    told = {one.path: one.why for one in (await repository.absent(base)).submodules}
    assert told.keys() == REFUSED.keys()
    for path, (_, why) in REFUSED.items():
        assert re.search(why, told[path]), told[path]
    tree = tmp_path / "tree"
    await repository.checkout(tree, base)
    assert all(list((tree / path).iterdir()) == [] for path in REFUSED)
    assert await repository.snapshot(tree, parent=base, message="x") == base
    write(tree, {"file/new.py": b"new"})
    with pytest.raises(ModelError, match=r"submodule.*file/new\.py"):
        await repository.snapshot(tree, parent=base, message="x", edited=["file/new.py"])


async def test_a_commit_that_no_branch_has_is_asked_for_by_its_name_or_told(
    origin: Origin, library: Origin, tmp_path: Path
) -> None:
    lost = library.commit({"lib/a.py": b"lost"})
    git(library.path, "update-ref", "refs/heads/main", "refs/tags/v1.5")
    base = record(origin, "lib", "../library.git", lost)
    repository = await opened(origin, tmp_path / "cache")
    await repository.checkout(tmp_path / "tree", base)
    assert (tmp_path / "tree/lib/lib/a.py").read_bytes() == b"lost"
    base = record(origin, "lib", None, "4" * 40)
    await repository.fetch()
    ((absent),) = (await repository.absent(base)).submodules
    assert "444444444444 is on none of its branches" in absent.why


@pytest.fixture
def served(tmp_path: Path, library: Origin) -> Iterator[GitServer]:
    with git_server(tmp_path / "at") as server:
        yield server


async def test_over_a_network_the_parents_own_server_is_answered_for_and_no_path_of_this_machine(
    origin: Origin, library: Origin, served: GitServer, tmp_path: Path
) -> None:
    record(origin, "near", "../library.git", library.head("refs/heads/main"))
    record(origin, "path", str(library.path), library.head("refs/heads/main"))
    other = f"http://127.0.0.1:{served.port + 1}/library.git"
    base = record(origin, "other", other, library.head("refs/heads/main"))
    remote = to(f"http://127.0.0.1:{served.port}/app.git")
    repository = await open_repository(
        name="sample", remote=remote, cache_dir=tmp_path / "cache", commands=GitCommands(timeout_s=30), author=ADA,
        clock=NoonClock(),
    )  # fmt: skip
    await repository.fetch()
    told = {one.path: one.why for one in (await repository.absent(base)).submodules}
    assert set(told) == {"path", "other"}
    assert "is a path" in told["path"] and "not public" in told["other"]
    await repository.checkout(tmp_path / "tree", base)
    assert (tmp_path / "tree/near/lib/a.py").exists()


async def test_a_neighbour_counts_only_for_who_owns_the_machine(
    origin: Origin, library: Origin, tmp_path: Path
) -> None:
    for places, tenant, reach, open_ in (
        (LocalPlaces(owner="default"), "default", Reach.PRIVATE, True),
        (LocalPlaces(owner="default"), "default", Reach.PUBLIC, False),
        (LocalPlaces(owner="somebody"), "default", Reach.PRIVATE, False),
        (LocalPlaces(owner="somebody", opened=(tmp_path / "at",)), "default", Reach.PUBLIC, True),
        (LocalPlaces(owner="default", closed=(tmp_path / "at",)), "default", Reach.PRIVATE, False),
    ):
        ways = to(origin.path, places=places)._network
        remote = ways.remote(str(origin.path), tenant=tenant, reach=reach)
        there = await remote.beside("../library.git")
        assert (await there.why_closed() is None) is open_, (places, reach)


@pytest.mark.parametrize(
    ("parent", "written", "meant"),
    [
        ("/srv/a/app.git", "../lib.git", "/srv/a/lib.git"),
        ("/srv/a/app", "./lib", "/srv/a/app/lib"),
        ("https://host/a/app.git", "../lib.git", "https://host/a/lib.git"),
        ("https://host:8443/a/app.git/", "../../b/lib", "https://host:8443/b/lib"),
        ("ssh://git@host:22/a/app", "../lib", "ssh://git@host:22/a/lib"),
        ("git@host:a/app.git", "../lib.git", "git@host:a/lib.git"),
        ("git@host:app.git", "../lib.git", "git@host:lib.git"),
        ("https://host/a/app", "https://other/lib", "https://other/lib"),
    ],
)
def test_relative_addresses_are_read_as_git_reads_them(parent: str, written: str, meant: str) -> None:
    assert address_beside(written, RemoteAddress.parse(parent)).text == meant


def test_entries_without_path_or_address_count_for_nothing() -> None:
    values = {
        "submodule.a.path": "x", "submodule.a.url": "../a", "submodule.b.path": "y", "submodule.c.url": "../c",
        "submodule.active": "x", "submodule..path": "z", "core.path": "p", "submodule.a.b.path": "q", "submodule.a.b.url": "u",
    }  # fmt: skip
    assert addresses_by_path(values) == {"x": "../a", "q": "u"}
    with pytest.raises(CallerError, match="path"):
        address_beside("/etc", RemoteAddress.parse("https://host/a"))
