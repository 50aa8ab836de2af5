"""How ssh gets to the judged address of a host, under the account's own configuration.

Problem: ssh resolves names by itself, and its configuration may say that a name is another host, reached on another port or
through a third one. Choice: ssh is asked what it would do (`ssh -G`), that host is judged, and git's ssh is told the judged
address while keys are still looked up for the name. Where the configuration names a way of its own (ProxyJump,
ProxyCommand), that way decides, and only an administrator's word lets it. Invariant: no connection of an earlier call is
reused, so that the address is the one that was judged now.
"""

import asyncio
import os
import shlex
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from pipeline.adapters.git.runner import SSH_COMMAND
from pipeline.adapters.network.addresses import Judged
from pipeline.errors import CallerError, InvariantBroken
from pipeline.repositories.remote_address import RemoteAddress

_ASK_TIMEOUT_S = 10.0
_ANSWER_MAX_BYTES = 256 * 1024
_PORT = 22


@dataclass(frozen=True, slots=True)
class SshHost:
    """What ssh's configuration makes of an address."""

    host: str
    port: int
    key_alias: str
    """Under which name the host's key is known; empty for the host's own."""
    by_a_way_of_its_own: bool
    """Another host or a program makes the connection."""


async def effective(address: RemoteAddress, surroundings: Mapping[str, str]) -> SshHost:
    """Ask ssh which host it would connect to; raises `CallerError` when it cannot say."""
    port = [] if address.port is None else ["-p", str(address.port)]
    user = f"{address.user}@" if address.user else ""
    argv = [*shlex.split(SSH_COMMAND), "-T", "-G", *port, f"{user}{address.host.strip('[]')}"]
    said: dict[str, str] = {}
    for line in (await _answer(argv, surroundings)).splitlines():
        name, _, value = line.partition(" ")
        said.setdefault(name, value)
    if not said.get("hostname") or not said.get("port", "").isdecimal():
        raise _unusable()
    own_way = any(said.get(name, "none") not in {"", "none"} for name in ("proxyjump", "proxycommand"))
    alias = said.get("hostkeyalias", "")
    return SshHost(said["hostname"], int(said["port"]), "" if alias == "none" else alias, own_way)


def pinned(host: SshHost, judged: Judged) -> str:
    """Return the command that takes git to one judged address; ssh tries no second one."""
    known = host.key_alias or (judged.host if judged.port == _PORT else f"[{judged.host}]:{judged.port}")
    options = [
        f"-oHostName={judged.addresses[0]}", f"-oHostKeyAlias={known}", "-oCheckHostIP=no", "-oCanonicalizeHostname=no",
        "-oProxyCommand=none", "-oControlMaster=no", "-oControlPath=none",
    ]  # fmt: skip
    return shlex.join([*shlex.split(SSH_COMMAND), *options])


async def _answer(argv: list[str], surroundings: Mapping[str, str]) -> str:
    try:
        child = await asyncio.create_subprocess_exec(
            *argv, env=dict(surroundings), cwd="/", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    except FileNotFoundError as absent:
        raise CallerError("This machine has no ssh.", field="remote", remedy="Install an ssh client.") from absent
    if child.stdout is None:
        raise InvariantBroken("A process without the output that was asked for.")
    try:
        async with asyncio.timeout(_ASK_TIMEOUT_S):
            # An account's own `Match exec` may run programs, which keep the pipe open.
            answer = await child.stdout.read(_ANSWER_MAX_BYTES)
            while chunk := await child.stdout.read(_ANSWER_MAX_BYTES):
                answer = (answer + chunk)[:_ANSWER_MAX_BYTES]
            if await child.wait() == 0:
                return answer.decode(errors="replace")
    except TimeoutError:
        pass  # said below, like any other failure
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
    raise _unusable()


def _unusable() -> CallerError:
    return CallerError(
        "The ssh client of this machine does not say where this address leads.", field="remote",
        remedy="Run `ssh -G HOST` as the account of the controller, and mend its ssh configuration.",
    )  # fmt: skip
