"""Every `changeline` command in the documents runs as it is written, with names of the reader's replaced by the sample's."""

import re
import shlex

import pytest

from tests.installation import REPOSITORY, SHARED, Installation

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900), SHARED]

DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "AGENTS.md",
    *sorted(str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "docs").glob("*.md")),
)
STARTED_ALREADY = {"up", "down"}
"""The installation runs; `test_installation` starts and stops one by the same words."""
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


def test_the_commands_in_the_documents_run_in_their_order(running: Installation) -> None:
    assert running.request == str(running.place / "REQUEST.md"), "as the documents call it"
    known = {"~/src/shop": str(running.repository("documented")), "cr-7k2m": ""}
    ran: set[str] = set()
    for arguments in documented():
        verb = arguments[0]
        ran.add(verb)
        if verb in STARTED_ALREADY:
            continue
        typed = [substituted(replaced(argument, known), running) for argument in arguments]
        done = running.changeline(*typed)
        assert done.returncode in ({0, 3} if verb in WAITS else {0}), f"{shlex.join(typed)}: {done.stderr}{done.stdout}"
        if newest := re.search(r"\bcr-[0-9a-z]{10}\b", done.stdout + done.stderr):
            known["cr-7k2m"] = newest[0]
    assert {"run", "up", "submit", "watch", "approve", "evidence", "down"} <= ran


def replaced(argument: str, known: dict[str, str]) -> str:
    for reader, ours in known.items():
        argument = argument.replace(reader, ours)
    return argument


def substituted(argument: str, running: Installation) -> str:
    """Put in what a command prints, as the reader's shell does."""
    inner = re.fullmatch(r"\$\(changeline (.*)\)", argument)
    return running.changeline(*shlex.split(inner[1])).stdout.strip() if inner else argument
