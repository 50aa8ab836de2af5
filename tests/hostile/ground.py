"""An ordinary repository that somebody else can write, before and after a trap is laid in it.

Problem: a trap in a broken repository proves little, and git itself would spring it while the test looks. Choice: every
repository is a copy of one honest, clean repository with a green suite; its git directory is edited as a file tree. Invariant:
nothing in this module runs git on a repository that is armed already.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.canaries import Canaries, Fifos
from tests.line import scenarios

OLD = 1_000_000_000
"""A time long before the index was written, so that git has to look into the file (and to run its filters)."""
SECRET = "the-other-tenants-secret"
HOOKS = (
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit", "prepare-commit-msg"),
    *("commit-msg", "post-commit", "pre-rebase", "post-checkout", "post-merge", "pre-push", "pre-receive", "update"),
    *("proc-receive", "post-receive", "post-update", "reference-transaction", "pre-auto-gc", "post-rewrite"),
    *("sendemail-validate", "fsmonitor-watchman", "p4-changelist", "p4-prepare-changelist", "p4-post-changelist"),
    *("p4-pre-submit", "post-index-change", "push-to-checkout", "pre-upload-pack", "post-upload-pack"),
)
"""Every hook of githooks(5), and two of older gits."""
GUARDS = ("pre-receive", "update", "proc-receive", "reference-transaction")
"""Those that may refuse a push."""
PLANTED = (
    *("env", "git", "git-upload-pack", "git-receive-pack", "git-upload-archive", "git-remote-http", "git-remote-https"),
    *("git-remote-ext", "git-remote-trap", "git-credential-store", "git-lfs", "sh", "bash", "ssh", "gpg", "gpgsm"),
    *("ssh-keygen", "less", "cat", "rm", "chmod", "id", "false", "setpriv", "prlimit", "bwrap", "unshare", "python"),
    *(
        "python3",
        "pip",
        "uv",
        "npm",
        "node",
        "npx",
        "go",
        "cargo",
        "java",
        "mvn",
        "postgres",
        "redis-server",
        "pg_dump",
    ),
)
"""Programs that git or we may start by name. They are found wherever a search path holds the current directory."""
MODULES = (
    "psycopg",
    "langgraph",
    "structlog",
    "uvicorn",
    "git",
    "anthropic",
    "pipeline",
    "controller",
    "worker",
    "cli",
)
"""What our own processes import and a test run of the repository does not."""
ATTRIBUTES = "*.py filter=code diff=driver merge=driver\nREADME.md filter=code diff=driver\n"
_FILES = {
    **scenarios.FILES,
    "README.md": "# Sums\n",
    "pyproject.toml": '[project]\nname = "sums"\nversion = "1"\n',
    ".gitattributes": ATTRIBUTES,
}


@dataclass(frozen=True, slots=True)
class Ground:
    """One repository on disk, and what its traps need."""

    path: Path
    canaries: Canaries
    fifos: Fifos
    aside: Path
    """A directory for what lies outside the repository; it holds `secret`, a repository of another tenant."""

    @property
    def git_dir(self) -> Path:
        """Where git keeps it: below the work tree, the bare repository itself, or what a linked work tree belongs to."""
        inner = self.path / ".git"
        if inner.is_file():
            return Path(inner.read_text().removeprefix("gitdir: ").strip()).parents[1]
        return inner if inner.is_dir() else self.path

    @property
    def head(self) -> str:
        """The commit of main, read without git."""
        return ref_of(self.git_dir, "refs/heads/main")

    @property
    def secret(self) -> Path:
        return self.aside / "secret"

    def configure(self, values: Iterable[tuple[str, str]], *, file: Path | None = None) -> None:
        """Append keys and values to the configuration."""
        with (file or self.git_dir / "config").open("a") as configuration:
            configuration.write(configuration_text(values))

    def replace_by_link(self, name: str, target: Path) -> None:
        """Put a symbolic link in place of an entry of the git directory."""
        place = self.git_dir / name
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        elif place.is_symlink() or place.exists():
            place.unlink()
        place.symlink_to(target)

    def grow_old(self) -> None:
        """Give every file of the work tree an old time."""
        for file in self.path.rglob("*"):
            if ".git" not in file.relative_to(self.path).parts and file.is_file():
                os.utime(file, (OLD, OLD), follow_symlinks=False)

    def hooks(self, directory: Path, label: str) -> None:
        """Fill a directory with a canary for every hook."""
        directory.mkdir(exist_ok=True)
        for name in HOOKS:
            self.canaries.program(f"{label} {name}", at=directory / name)

    def unguard(self) -> None:
        """Take away what may refuse a push; nothing is pushed past it."""
        for name in GUARDS:
            (self.git_dir / "hooks" / name).unlink()


class Honest:
    """The repository that all others are copies of, and the other tenant's."""

    def __init__(self, directory: Path, canaries: Canaries, fifos: Fifos) -> None:
        self._directory = directory
        self._canaries = canaries
        self._fifos = fifos
        self._templates = {planted: directory / f"template-{planted}" for planted in (False, True)}
        self._made = 0
        self.aside = directory / "aside"
        make_repository(self._templates[False], _FILES)
        make_repository(self._templates[True], {**_FILES, **_planted(canaries)}, executable=PLANTED)
        make_repository(self.aside / "secret", {**scenarios.FILES, "secret.txt": SECRET})

    def copy(self, name: str, *, planted: bool = False) -> Ground:
        """Return a fresh clone with a work tree. Copied files have other inodes than the index remembers.

        With `planted`, its first commit holds programs and modules that are found wherever somebody looks into the
        current directory.
        """
        self._made += 1
        path = self._directory / f"{self._made}-{name.replace(' ', '-')}"
        shutil.copytree(self._templates[planted], path, symlinks=True)
        return Ground(path, self._canaries, self._fifos, self.aside)

    def bare(self, name: str, *, planted: bool = False) -> Ground:
        """Return a bare copy."""
        whole = self.copy(name, planted=planted)
        path = whole.path.with_name(f"{whole.path.name}.git")
        (whole.path / ".git").rename(path)
        shutil.rmtree(whole.path)
        config = path / "config"
        config.write_text(config.read_text().replace("bare = false", "bare = true"))
        (path / "index").unlink()
        return Ground(path, self._canaries, self._fifos, self.aside)


def _planted(canaries: Canaries) -> dict[str, str]:
    programs = {name: f"#!/bin/sh\n{canaries.shell(f'planted {name}')}\nexit 0\n" for name in PLANTED}
    return {**programs, **{f"{name}.py": canaries.python(f"module {name}") for name in MODULES}}


def make_repository(path: Path, files: Mapping[str, str], *, executable: Iterable[str] = ()) -> None:
    """Make an honest repository with one commit on main."""
    path.mkdir(parents=True)
    for name, text in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for name in executable:
        (path / name).chmod(0o755)
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A", "-f"), ("commit", "-q", "-m", "First commit")):
        as_person(path, *arguments)


def as_person(path: Path, *arguments: str, configured: bool = False) -> subprocess.CompletedProcess[bytes]:
    """Run git as the repository's own user does. With `configured`, failures are none of the caller's business."""
    named = {
        f"GIT_{who}_{what}": "person@example.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", **named}
    return subprocess.run(
        ["git", *arguments], cwd=path, env=environment, capture_output=True, check=not configured,
        stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip


def configuration_text(values: Iterable[tuple[str, str]]) -> str:
    """Return keys (`section.sub.name`) and values as a configuration file has them."""
    lines = []
    for key, value in values:
        section, _, rest = key.partition(".")
        sub, _, name = rest.rpartition(".")
        shown = value.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'[{section}{f" {chr(34)}{sub}{chr(34)}" if sub else ""}]\n\t{name} = "{shown}"\n')
    return "".join(lines)


def ref_of(git_dir: Path, ref: str) -> str:
    """Return the commit of a ref, loose or packed."""
    loose = git_dir / ref
    if loose.is_file():
        return loose.read_text().strip()
    packed = (line.split(" ") for line in (git_dir / "packed-refs").read_text().splitlines() if line[0] not in "#^")
    return next(commit for commit, name in packed if name == ref)


def give_away(ground: Ground, uid: int) -> None:
    """Make a repository belong to another user, links themselves included."""
    for directory, directories, files in os.walk(ground.path):
        for name in (".", *directories, *files):
            os.chown(Path(directory) / name, uid, uid, follow_symlinks=False)
