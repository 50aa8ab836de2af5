"""The corpus itself: complete, and armed. A trap that cannot spring proves nothing."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.hostile import git_keys
from tests.hostile.canaries import Canaries, Fifos
from tests.hostile.ground import Honest, as_person
from tests.hostile.traps import TRAPS

SPRINGS = {
    "configured programs": (
        *("core.fsmonitor", "filter.code.clean", "filter.code.smudge", "diff.external", "diff.driver.textconv"),
        *("core.hooksPath pre-commit", "core.editor", "gpg.", "core.sshCommand", "core.gitProxy", "alias.canary"),
        *("tar.tar.gz.command", "diff.driver.command"),
    ),
    "a filter that must run": ("filter.process",),
    "included configuration": ("include filter.code.clean", "include core.fsmonitor"),
    "configured paths": (
        "path core.excludesFile",
        "path core.attributesFile",
        "path include.path",
        "path mailmap.file",
    ),
    "hooks": (
        "hook pre-commit",
        "hook post-commit",
        "hook reference-transaction",
        "hook post-checkout",
        "hook pre-push",
    ),
    "promised objects": ("lazy fetch",),
    "submodules": ("submodule update",),
    "configuration included on a condition": ("includeIf filter.code.clean",),
}
"""By repository: canaries that an ordinary user's ordinary git wakes."""

ORDINARY = (
    *(("status",), ("diff", "HEAD"), ("log", "-1", "--use-mailmap"), ("show", "--textconv", "HEAD:README.md")),
    *(("blame", "README.md"), ("log", "-p", "--textconv", "-1"), ("add", "calc.py"), ("commit", "-S", "-qm", "x")),
    *(
        ("commit", "--no-gpg-sign", "-qm", "x"),
        ("commit", "--allow-empty", "-q"),
        ("archive", "--format=tar.gz", "HEAD"),
    ),
    *(("push", "aside.git", "HEAD:refs/heads/x"), ("push", "git://127.0.0.1:9/x"), ("fetch", "ssh://127.0.0.1/x")),
    *(("cat-file", "-p", "main:calc.py"), ("canary",), ("submodule", "update"), ("reset", "-q", "--hard", "HEAD")),
    *(("checkout", "-f", "-q", "--detach"),),
)
"""What a person does in a repository; failures do not matter."""


def test_every_configuration_key_of_git_is_classified() -> None:
    """The installed git lists its keys. One that is newer than our reading of its documentation is told, not judged."""
    listed = subprocess.run(["git", "help", "--config"], capture_output=True, text=True, check=True).stdout
    keys = [line for line in listed.splitlines() if re.fullmatch(r"[a-zA-Z0-9]+\.\S+", line)]
    assert len(keys) > 500
    unknown = git_keys.unclassified(keys)
    shown = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(int(part) for part in re.findall(r"\d+", shown)[:2])
    if unknown and version > git_keys.REVIEWED:
        pytest.skip(f"git {version} is newer than the table of keys; read the documentation of {', '.join(unknown)}")
    assert unknown == []


def test_every_key_that_names_a_program_has_a_canary(honest: Honest) -> None:
    """Laying the traps fails for a key without one; here they are counted."""
    ground = honest.copy("counting")
    trap = next(trap for trap in TRAPS if trap.name == "configured programs")
    trap.lay(ground)
    assert len(list(ground.canaries.programs.glob("config-*"))) >= len(git_keys.PROGRAMS) - 3
    assert len({trap.name for trap in TRAPS}) == len(TRAPS)


@pytest.mark.parametrize("name", SPRINGS)
def test_the_traps_spring_for_whoever_uses_git_in_them(name: str, honest: Honest, canaries: Canaries) -> None:
    trap = next(trap for trap in TRAPS if trap.name == name)
    ground = trap.set(honest)
    as_person(ground.path, "init", "-q", "--bare", "aside.git")
    for changed in ("calc.py", "README.md", "pyproject.toml"):
        (ground.path / changed).write_text("changed = 1\n")
    canaries.told()
    for arguments in ORDINARY:
        as_person(ground.path, *arguments, configured=True)
    told = "\n".join(canaries.told())
    assert [canary for canary in SPRINGS[name] if canary not in told] == [], told


def test_a_look_at_a_pipe_that_does_not_wait_is_no_fault(place: Path, canaries: Canaries) -> None:
    """The watch tells a process that would hang from one that opens, looks and refuses."""
    with Fifos(canaries).watched() as fifos:
        pipe = fifos.make("waiting", place / "pipe")
        subprocess.run(["dd", f"if={pipe}", "iflag=nonblock", "of=/dev/null"], check=True, capture_output=True)
        assert canaries.told() == []
        subprocess.run(["cat", pipe], check=True)
    assert canaries.told() == ["waiting was waited for"]
