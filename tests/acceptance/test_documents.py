"""Every `changeline` command in the documents runs as it is written, with names of the reader's replaced by the sample's."""

import re
import shlex
from pathlib import Path

import pytest

from tests.acceptance.conftest import EXAMPLES, REPOSITORY, Changeline

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]

DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "AGENTS.md",
    *sorted(str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "docs").glob("*.md")),
)
FOREGROUND = {"up": ["--detach", "--port", "0", "--scenario", str(EXAMPLES / "parcel-rates.scenario.yaml")]}
"""What a reader types in a terminal of its own runs in the background here, without a key."""
WAITS = {"run", "watch"}
"""May end with 3: a person is asked."""


def documented() -> list[list[str]]:
    """Return the command lines in fenced blocks, in the order of the documents, comments removed."""
    found: list[list[str]] = []
    for name in DOCUMENTS:
        blocks = re.findall(
            r"^```\w*\n(.*?)^```", (REPOSITORY / name).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        for line in "\n".join(blocks).splitlines():
            command = line.removeprefix("$ ").strip()
            if command.startswith("changeline "):
                found.append(shlex.split(command, comments=True)[1:])
    return found


def test_the_commands_in_the_documents_run_in_their_order(changeline: Changeline, sample: Path, place: Path) -> None:
    request = place / "REQUEST.md"
    request.write_text((EXAMPLES / "parcel-rates.request.md").read_text(encoding="utf-8"), encoding="utf-8")
    known = {"~/src/shop": str(sample), "cr-7k2m": ""}
    ran: set[str] = set()
    started = changeline("up", *FOREGROUND["up"])
    assert started.returncode == 0, started.stderr
    for arguments in documented():
        verb = arguments[0]
        if verb in {"up", "down"}:
            ran.add(verb)
            continue
        typed = [replaced(argument, known) for argument in arguments]
        done = changeline(*typed)
        ran.add(verb)
        assert done.returncode in ({0, 3} if verb in WAITS else {0}), f"{shlex.join(typed)}: {done.stderr}{done.stdout}"
        if newest := re.search(r"\bcr-[0-9a-z]{10}\b", done.stdout + done.stderr):
            known["cr-7k2m"] = newest[0]
    assert {"run", "up", "submit", "watch", "approve", "evidence", "down"} <= ran
    assert changeline("down").returncode == 0


def replaced(argument: str, known: dict[str, str]) -> str:
    for reader, ours in known.items():
        argument = argument.replace(reader, ours)
    return argument
