"""What the system-call filter refuses, seen from inside."""

from pathlib import Path

from pipeline.adapters.sandbox.bubblewrap import Bubblewrap
from pipeline.ports import SandboxCommand

EVERY_FAMILY = """
import errno, socket
def refused(make, family):
    try: made = make(family, socket.SOCK_RAW)
    except OSError as error: return error.errno == errno.EAFNOSUPPORT
socket.socketpair(socket.AF_UNIX)
for family in set(range(2, 46)) - {2, 10, 16}:
    for make in (socket.socket, socket.socketpair):
        if not refused(make, family): print(make.__name__, family)
"""


async def test_no_call_makes_a_socket_of_a_strange_family(bubblewrap: Bubblewrap, tree: Path) -> None:
    command = SandboxCommand(argv=("/usr/bin/python3", "-c", EVERY_FAMILY), cwd=tree, writable=(tree,))
    result = await bubblewrap.run(command)
    assert (result.exit_code, result.output) == (0, "")
