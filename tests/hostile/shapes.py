"""Traps that change the shape of a repository: what it borrows, what its files are, where they lead."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.hostile.ground import Ground, as_person

INFINITE = Path("/dev/zero")


def replaced(ground: Ground) -> None:
    """A replacement that shows another tree under the name of the base commit."""
    head = ground.head
    for arguments in (("checkout", "-q", "--orphan", "other"), ("rm", "-rqf", ".")):
        as_person(ground.path, *arguments)
    (ground.path / "package.json").write_text('{"scripts": {"test": "false"}}')
    as_person(ground.path, "add", "package.json")
    as_person(ground.path, "commit", "-q", "-m", "Shown instead")
    as_person(ground.path, "checkout", "-q", "main")
    as_person(ground.path, "replace", "--graft", head, "other")
    as_person(ground.path, "replace", "-f", head, "other")


def grafted(ground: Ground) -> None:
    (ground.git_dir / "info").mkdir(exist_ok=True)
    (ground.git_dir / "info" / "grafts").write_text(f"{ground.head} {'1' * 40}\n")


def shallow(ground: Ground) -> None:
    (ground.git_dir / "shallow").write_text(f"{ground.head}\n")


def borrowing(ground: Ground) -> None:
    """Objects of another tenant behind an alternate, and a branch that names them."""
    theirs = ground.secret / ".git"
    (ground.git_dir / "objects" / "info" / "alternates").write_text(f"{theirs / 'objects'}\n")
    head = Ground(ground.secret, ground.canaries, ground.fifos, ground.aside).head
    (ground.git_dir / "refs" / "heads" / "theirs").write_text(f"{head}\n")
    program = ground.canaries.program("config core.alternateRefsCommand")
    ground.configure([("core.alternateRefsCommand", str(program))])


def borrowing_from_a_pipe(ground: Ground) -> None:
    ground.fifos.make("alternates", ground.git_dir / "objects" / "info" / "alternates")


def borrowing_by_http(ground: Ground) -> None:
    address = ground.canaries.address("address http-alternates")
    (ground.git_dir / "objects" / "info" / "http-alternates").write_text(f"http://{address}/objects\n")


def promised(ground: Ground) -> None:
    """A partial clone: what is missing is fetched by a program that the repository names."""
    program = ground.canaries.program("lazy fetch", then="exit 1")
    ground.configure(
        [
            ("core.repositoryFormatVersion", "1"),
            ("extensions.partialClone", "origin"),
            ("remote.origin.promisor", "true"),
            ("remote.origin.url", f"ext::{program}"),
            ("remote.origin.uploadpack", str(program)),
            ("protocol.allow", "always"),
            ("protocol.ext.allow", "always"),
        ]
    )
    blob = as_person(ground.path, "rev-parse", "main:calc.py").stdout.decode().strip()
    (ground.git_dir / "objects" / blob[:2] / blob[2:]).unlink()


def pointing(target: Callable[[Ground], Path]) -> Callable[[Ground], None]:
    def lay(ground: Ground) -> None:
        shutil.rmtree(ground.path / ".git")
        (ground.path / ".git").write_text(f"gitdir: {target(ground)}\n")

    return lay


def git_file_is_a_pipe(ground: Ground) -> None:
    shutil.rmtree(ground.path / ".git")
    ground.fifos.make(".git", ground.path / ".git")


def common_directory(ground: Ground) -> None:
    (ground.git_dir / "commondir").write_text(f"{ground.secret / '.git'}\n")


def linked(name: str, target: Callable[[Ground], Path]) -> Callable[[Ground], None]:
    return lambda ground: ground.replace_by_link(name, target(ground))


def pipe(name: str) -> Callable[[Ground], None]:
    def lay(ground: Ground) -> None:
        ground.fifos.make(name, ground.git_dir / name)

    return lay


def made_of_links(ground: Ground) -> None:
    """Every entry of the git directory is a link to the other tenant's."""
    for entry in sorted((ground.secret / ".git").iterdir()):
        ground.replace_by_link(entry.name, entry)


def huge_configuration(ground: Ground) -> None:
    os.truncate(ground.git_dir / "config", 1 << 30)


def closed_configuration(ground: Ground) -> None:
    (ground.git_dir / "config").chmod(0)


def work_tree_elsewhere(ground: Ground) -> None:
    ground.configure([("core.worktree", str(ground.secret)), ("core.bare", "false")])


def called_bare(ground: Ground) -> None:
    ground.configure([("core.bare", "true")])


def directory_that_is_a_link(ground: Ground) -> None:
    """`tests` is a link to the outside, and the index is told not to look."""
    outside = ground.aside / f"outside-{ground.path.name}"
    as_person(ground.path, "update-index", "--assume-unchanged", "tests/test_calc.py")
    shutil.move(ground.path / "tests", outside)
    (ground.path / "tests").symlink_to(outside)


def secret_git(ground: Ground) -> Path:
    return ground.secret / ".git"
