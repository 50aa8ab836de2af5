"""How git gets to a remote: by exactly the addresses that were judged, or to a path that its tenant may use.

Problem: git resolves names, follows redirects and reads ssh's configuration by itself, long after somebody judged an address.
Choice: each command that asks a remote goes through `Remote`, which judges the address anew, tells git's transport the
judged addresses (libcurl's resolve list, ssh's HostName), and follows redirects itself. An operator's HTTP proxy decides
what it reaches; its names are judged here all the same where they can be resolved. Invariant: no command reaches a remote
in another way, and a command that was refused has connected to nothing.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, Unpack

from pipeline.adapters.git import failures, redirects, ssh_transport
from pipeline.adapters.git.local_remotes import LocalRemote
from pipeline.adapters.git.runner import GitCommands, Output
from pipeline.adapters.network import http_proxies
from pipeline.adapters.network.addresses import (
    AddressPolicy,
    AddressRefused,
    Judged,
    Refusal,
    in_url,
    is_literal,
    plain_host,
)
from pipeline.change_request import PauseReason, Reach
from pipeline.errors import CallerError, ChangelineError, InvariantBroken, PersonNeeded, TransientError
from pipeline.ports import NotPublic
from pipeline.repositories.local_places import LocalPlaces, really
from pipeline.repositories.remote_address import RemoteAddress, Transport
from pipeline.repositories.submodules import address_beside
from pipeline.settings.process import WHOLE_HISTORY_MAX_BYTES, ProcessSettings

_PORTS = {Transport.HTTP: 80, Transport.HTTPS: 443}
_NOWHERE = "[100::]"
"""An address that every network discards: where a connection ends that a proxy should have made."""
_GIT_OLDEST = (2, 37)
"""The first that can be told addresses."""


@dataclass(frozen=True, slots=True)
class _Route:
    """What git is told so that it gets to one remote."""

    address: str
    configuration: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a fetch is made."""

    options: tuple[str, ...] = ()
    promised: bool = False
    """Whether git is told that this remote promised what the cache lacks."""
    by_name: bool = False
    """Whether objects are asked for by their names, so that it is nobody's business what else is here."""
    file_max_bytes: int | None = None
    """Where a pack is cut; None for the limit of every command."""

    def told(self, address: str) -> tuple[str, Mapping[str, str]]:
        """Return what the remote is called for this command, and what git is told of it."""
        told: dict[str, str] = {}
        if self.file_max_bytes is not None:
            told["fetch.unpackLimit"] = "1"  # into one file, which has a size
        if self.by_name:
            told["fetch.negotiationAlgorithm"] = "noop"
        if not self.promised:
            return address, told
        remote = f"remote.{_PROMISING}"
        promise = {f"{remote}.url": address, f"{remote}.promisor": "true", f"{remote}.partialCloneFilter": "blob:none"}
        return _PROMISING, {**told, **promise}


_PROMISING = "source"


class _Given(TypedDict, total=False):
    git_dir: Path
    lock: int
    stdin: bytes
    way: Way


class PathClosed(Exception):
    """A path of this machine that this tenant may not use."""


class GitNetwork:
    """The ways to remotes from one process. Made in composition roots."""

    def __init__(
        self,
        commands: GitCommands,
        *,
        policy: AddressPolicy,
        places: LocalPlaces,
        look_timeout_s: float = 20.0,
        whole_history_max_bytes: int = WHOLE_HISTORY_MAX_BYTES,
    ) -> None:
        self.commands = commands
        self.look_timeout_s = look_timeout_s
        self.whole_history_max_bytes = whole_history_max_bytes
        self._policy = policy
        self._places = places
        self._git: tuple[int, ...] = ()

    def remote(self, address: str, *, tenant: str, reach: Reach) -> "Remote":
        """Return one remote as a tenant may use it. Judges nothing yet."""
        return Remote(self, address, tenant=tenant, reach=reach)

    async def route(self, address: RemoteAddress, *, reach: Reach) -> _Route:
        """Judge an address on a network now; raises `AddressRefused`."""
        if address.is_local:
            raise InvariantBroken("Git is never given a path that is not ours; see `git_local`.")
        if address.transport is Transport.SSH:
            return await self._by_ssh(address, reach)
        return await self._by_http(address, reach)

    async def directory(self, address: RemoteAddress, *, tenant: str, reach: Reach) -> Path:
        """Return the path of an address on this machine; raises `PathClosed` where this tenant may not use it."""
        allowed = self._places.may_use if reach is Reach.PRIVATE else self._open_to_all
        if not await asyncio.to_thread(allowed, address.path, tenant):
            raise PathClosed
        return Path(address.path)

    async def moved(self, address: RemoteAddress, reach: Reach) -> tuple[RemoteAddress, Reach] | None:
        """Look up where a repository that answers with a redirect is now, and how far git may go for it."""
        if http_proxies.proxy_of(address, self.commands.surroundings) is not None:
            return None

        async def judge(hop: RemoteAddress) -> Judged:
            return await self._judged(hop, _reach_of_hop(address, hop, reach))

        found = await redirects.moved_to(address, judge, timeout_s=self.look_timeout_s)
        return None if found is None else (found, _reach_of_hop(address, found, reach))

    def _open_to_all(self, path: str, _tenant: str) -> bool:
        return self._places.is_open(path)

    async def _judged(self, address: RemoteAddress, reach: Reach) -> Judged:
        return await self._policy.judge(address.host, _port_of(address), vouched=reach is Reach.PRIVATE)

    async def _by_http(self, address: RemoteAddress, reach: Reach) -> _Route:
        await self._need_a_recent_git()
        proxied = http_proxies.proxy_of(address, self.commands.surroundings) is not None
        try:
            judged = await self._judged(address, reach)
            addresses = ",".join(in_url(one) for one in judged.addresses)
        except AddressRefused as refused:
            if not proxied or refused.refusal is not Refusal.UNKNOWN:
                raise
            judged, addresses = Judged(plain_host(address.host), _port_of(address), ()), _NOWHERE
        shown_port = "" if address.port is None else f":{address.port}"
        told = {"http.followRedirects": "false", "transfer.bundleURI": "false"}
        if not is_literal(judged.host):
            told["http.curloptResolve"] = f"{judged.host}:{judged.port}:{addresses}"
        return _Route(f"{address.transport}://{in_url(judged.host)}{shown_port}{address.path}", told)

    async def _by_ssh(self, address: RemoteAddress, reach: Reach) -> _Route:
        host = await ssh_transport.effective(address, self.commands.surroundings)
        if not host.by_a_way_of_its_own:
            judged = await self._policy.judge(host.host, host.port, vouched=reach is Reach.PRIVATE)
            return _Route(address.text, environment={"GIT_SSH_COMMAND": ssh_transport.pinned(host, judged)})
        if reach is not Reach.PRIVATE and not self._policy.allows(host.host, host.port):
            raise AddressRefused(Refusal.NOT_PUBLIC, host.host)
        if is_literal(plain_host(host.host)):
            await self._policy.judge(host.host, host.port, vouched=True)
        return _Route(address.text)

    async def _need_a_recent_git(self) -> None:
        if not self._git:
            told = (await self.commands.run("version")).text
            self._git = tuple(int(one) for one in re.findall(r"\d+", told)[:2])
        if self._git < _GIT_OLDEST:
            oldest, found = (".".join(map(str, one)) for one in (_GIT_OLDEST, self._git))
            raise CallerError(
                f"Git {found} cannot be told which addresses to connect to.", field="remote",
                remedy=f"Install git {oldest} or newer, or name the repository by ssh.",
            )  # fmt: skip


def network_of(settings: ProcessSettings, commands: GitCommands) -> GitNetwork:
    """Return the ways to remotes that an installation allows."""
    return GitNetwork(
        commands, policy=AddressPolicy(settings.git.private_hosts), places=LocalPlaces.of(settings),
        look_timeout_s=settings.git.look_timeout_s,
        whole_history_max_bytes=settings.git.whole_history_max_bytes,
    )  # fmt: skip


class Remote:
    """One remote as one tenant may use it: the only way by which a git command gets there."""

    def __init__(self, network: GitNetwork, text: str, *, tenant: str, reach: Reach) -> None:
        self.text = text
        self.tenant = tenant
        self._network = network
        self._reach = reach

    @property
    def whole_history_max_bytes(self) -> int:
        """Beyond this a history is fetched without older versions of files, where the server allows that."""
        return self._network.whole_history_max_bytes

    async def beside(self, written: str) -> "Remote":
        """Return the way to what this repository names as a submodule. Raises `CallerError` for what it may not name.

        Who answers for this repository answers for its own host and port, and on this machine for what lies beside it in
        the same directory and belongs to the same user; everything else counts as named by a stranger.
        """
        own = RemoteAddress.parse(self.text)
        there = address_beside(written, own)
        near = await asyncio.to_thread(_is_neighbour, own, there) if there.is_local else _same_door(own, there)
        return Remote(self._network, there.text, tenant=self.tenant, reach=self._reach if near else Reach.PUBLIC)

    async def why_closed(self) -> str | None:
        """Say in sentences why this submodule's address may not be gone to now; None when it may."""
        try:
            address = RemoteAddress.parse(self.text)
            if address.is_local:
                await self._network.directory(address, tenant=self.tenant, reach=self._reach)
            else:
                await self._network.route(address, reach=self._reach)
        except PathClosed:
            return "The repository may not name this path of the machine. List its directory in CHANGELINE_GIT__LOCAL_PATHS."
        except AddressRefused as refused:
            return _CLOSED.get(refused.refusal, _CLOSED[Refusal.NEVER])
        return None

    async def local(self) -> LocalRemote | None:
        """Return it as a directory of this machine; None for one on a network. Raises `PersonNeeded` where that is closed."""
        try:
            return await self._directory()
        except (PathClosed, CallerError) as refused:
            raise _unusable(self.text, refused) from refused

    async def local_look(self) -> LocalRemote | None:
        """Do the same for whoever names it: a refusal is the caller's (`NotPublic`, `CallerError`)."""
        try:
            return await self._directory()
        except PathClosed as refused:
            raise _refusal(refused, self._reach) from refused

    async def _directory(self) -> LocalRemote | None:
        address = RemoteAddress.parse(self.text)
        if not address.is_local:
            return None
        path = await self._network.directory(address, tenant=self.tenant, reach=self._reach)
        return LocalRemote(path, self._network.commands)

    async def run(self, command: str, *options: str, refs: Sequence[str] = (), **given: Unpack[_Given]) -> Output:
        """Run a git command against this remote; any exit code is returned.

        Raises `PersonNeeded` or `TransientError` where the remote must not, or cannot now, be connected to.
        """
        try:
            return await self._ran(RemoteAddress.parse(self.text), command, options, refs, given)
        except (AddressRefused, PathClosed, CallerError) as refused:
            raise _unusable(self.text, refused) from refused

    async def look(self, command: str, *options: str, refs: Sequence[str] = ()) -> Output:
        """Do the same while somebody waits for the answer: within seconds, and a refusal is the caller's.

        Raises `NotPublic` where an administrator's word would be needed, `CallerError` for everything else.
        """
        limit_s = self._network.look_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._ran(RemoteAddress.parse(self.text), command, options, refs, {})
        except (AddressRefused, PathClosed) as refused:
            raise _refusal(refused, self._reach) from refused
        except TimeoutError as late:
            raise CallerError(
                f"The git remote did not answer within {limit_s:g} s.", field="remote",
                remedy="Check the address and the network, then try again.", remote=self.text,
            ) from late  # fmt: skip

    async def _ran(
        self, address: RemoteAddress, command: str, options: Sequence[str], refs: Sequence[str], given: _Given
    ) -> Output:
        output = await self._once(address, self._reach, command, options, refs, given)
        if address.transport not in _PORTS or failures.kind_of(output) is not failures.Kind.MOVED:
            return output
        moved = await self._network.moved(address, self._reach)
        return output if moved is None else await self._once(*moved, command, options, refs, given)

    async def _once(
        self, address: RemoteAddress, reach: Reach, command: str, options: Sequence[str], refs: Sequence[str],
        given: _Given,
    ) -> Output:  # fmt: skip
        route = await self._network.route(address, reach=reach)
        way = given.get("way", Way())
        name, told = way.told(route.address)
        return await self._network.commands.run(
            command, *options, *way.options, "--", name, *refs, accept=range(256),
            configuration={**route.configuration, **told}, environment=route.environment,
            file_max_bytes=way.file_max_bytes, stdin=given.get("stdin", b""), git_dir=given.get("git_dir"),
            lock=given.get("lock"),
        )  # fmt: skip


_CLOSED = {
    Refusal.SPELLING: "The host of its address is not written plainly. Write a host name.",
    Refusal.UNKNOWN: "The name of its host cannot be resolved. Check the name and the network.",
    Refusal.NOT_PUBLIC: "Its address is not public. If the host is yours, list it in CHANGELINE_GIT__PRIVATE_HOSTS.",
    Refusal.NEVER: "Its address is one that is never connected to. Use another address of its host.",
}


def _same_door(own: RemoteAddress, there: RemoteAddress) -> bool:
    """Whether two addresses lead to one server by the same transport."""
    if own.is_local or own.transport is not there.transport:
        return False
    hosts = (plain_host(own.host), plain_host(there.host)) if own.transport in _PORTS else (own.host, there.host)
    ports = [_PORTS.get(one.transport) if one.port is None else one.port for one in (own, there)]
    return hosts[0] == hosts[1] and ports[0] == ports[1]


def _is_neighbour(own: RemoteAddress, there: RemoteAddress) -> bool:
    """Whether a path lies beside or below another one's place, wherever links lead, and belongs to the same user."""
    mine, other = really(own.path), really(there.path)
    around = mine.parent
    if around == around.parent or not other.is_relative_to(around) or not other.exists():
        return False
    return mine.stat().st_uid == other.stat().st_uid


def _port_of(address: RemoteAddress) -> int:
    return _PORTS[address.transport] if address.port is None else address.port


def _reach_of_hop(first: RemoteAddress, hop: RemoteAddress, reach: Reach) -> Reach:
    """An administrator answered for one host, not for where it sends others; the same host may move to https."""
    same_host = plain_host(hop.host) == plain_host(first.host)
    same_door = _port_of(hop) == _port_of(first) or (first.transport, hop.transport) == (
        Transport.HTTP,
        Transport.HTTPS,
    )
    return reach if same_host and same_door else Reach.PUBLIC


_REGISTER = "Ask an administrator to register it (`changeline repo add`)"


def _refusal(refused: AddressRefused | PathClosed, reach: Reach) -> CallerError:
    """Word a refusal for whoever named the address."""
    if isinstance(refused, PathClosed):
        return NotPublic(
            "This path of the controller's machine may not be named here.", field="remote",
            remedy=f"{_REGISTER}, or to open its directory by CHANGELINE_GIT__LOCAL_PATHS.",
        )  # fmt: skip
    if refused.refusal is Refusal.SPELLING:
        return CallerError(
            "The host of this address is not written plainly.", field="remote",
            remedy="Write a host name, or an address in its usual form.",
        )  # fmt: skip
    if reach is Reach.PUBLIC:
        # Whether a private name exists is nobody's business here, so unknown and private names are answered alike.
        return NotPublic(
            f"{refused.host} has no public address that is known here.", field="remote",
            remedy=f"Check the name. If the host is private: {_REGISTER[0].lower()}{_REGISTER[1:]}, or to list its host in "
            "CHANGELINE_GIT__PRIVATE_HOSTS.",
        )  # fmt: skip
    if refused.refusal is Refusal.UNKNOWN:
        return CallerError(
            f"The name {refused.host} cannot be resolved.", field="remote", remedy="Check the name and the network."
        )
    return CallerError(
        f"{refused.host} leads to an address that is never connected to (link-local, metadata, translated or reserved).",
        field="remote", remedy="Use another address of this host.",
    )  # fmt: skip


def _unusable(remote: str, refused: Exception) -> ChangelineError:
    """Word a refusal for a change request that is under way."""
    if isinstance(refused, AddressRefused) and refused.refusal is Refusal.UNKNOWN:
        return TransientError(
            "The name of the git remote cannot be resolved. Check the name and the network, then resume.", remote=remote
        )
    if isinstance(refused, CallerError):
        message, remedy = refused.message, refused.remedy or ""
    elif isinstance(refused, PathClosed):
        message = "The path of the git remote may not be used by this tenant."
        remedy = f"{_REGISTER} at a path that is open to it."
    else:
        message = (
            "The git remote leads to an address that is not public, and nobody with the right to do so allowed that."
        )
        remedy = f"{_REGISTER}, or to list its host in CHANGELINE_GIT__PRIVATE_HOSTS, then submit again."
    return PersonNeeded(PauseReason.REMOTE_UNREACHABLE, f"{message} {remedy}", remedy=remedy, remote=remote)
