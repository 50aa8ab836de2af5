"""The one policy for every address that the product connects to on somebody's word.

Problem: an address that a person, a ticket or a server names turns the product into a way into its own network: by a name
that resolves to a private address or to another one the second time, by an odd spelling, by an address that wraps another.
Choice: a host is accepted in its plain spelling only, resolved here, and judged by every address it has; callers connect
to the very addresses that were judged. Only public addresses pass. A host that an administrator lists or vouches for may be
private or this machine; link-local addresses, metadata services and translations into other networks pass for nobody.
Invariant: what is not known to be public is not public.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from pipeline.errors import CallerError

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host name and a port to its addresses, as text. Raises `OSError` when the name has none now."""

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Networks: TypeAlias = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


class Refusal(StrEnum):
    """Why a host is not connected to."""

    SPELLING = "spelling"
    """Not a plain host name or a plain address."""
    UNKNOWN = "unknown"
    """The name has no address now."""
    NOT_PUBLIC = "not_public"
    """One of its addresses is private or this machine's own; an administrator can allow the host."""
    NEVER = "never"
    """One of its addresses is connected to for nobody."""


class AddressRefused(Exception):
    """A host that must not be connected to. Who asked words it for whoever must act."""

    def __init__(self, refusal: Refusal, host: str) -> None:
        super().__init__(f"{host}: {refusal.value}")
        self.refusal = refusal
        self.host = host


class _Kind(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
    OWN = "own"
    DOCUMENTATION = "documentation"
    NEVER = "never"


def _networks(*written: str) -> _Networks:
    return tuple(ipaddress.ip_network(one) for one in written)


_METADATA = _networks(
    "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::/32", "fd20:ce::254", "fd00:c1::a9fe:a9fe",
    "fd00:42::42",
)  # fmt: skip
"""Metadata services of clouds that are not link-local already."""
_NEVER = _networks(
    "0.0.0.0/8", "169.254.0.0/16", "192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4", "fe80::/10", "ff00::/8",
    "2001::/23", "2002::/16",
)  # fmt: skip
"""Unspecified, link-local, multicast, broadcast, reserved; relays and translations (6to4, Teredo) into other networks."""
_OWN = _networks("127.0.0.0/8", "::1")
_PRIVATE = _networks(
    "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "fc00::/7",
    "fec0::/10",
)  # fmt: skip
_DOCUMENTATION = _networks("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
_PUBLIC = _networks("0.0.0.0/0", "2000::/3")
_KINDS = (
    (_Kind.NEVER, _METADATA), (_Kind.NEVER, _NEVER), (_Kind.OWN, _OWN), (_Kind.PRIVATE, _PRIVATE),
    (_Kind.DOCUMENTATION, _DOCUMENTATION), (_Kind.PUBLIC, _PUBLIC),
)  # fmt: skip
"""The first that holds an address decides; what none holds is never connected to."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_NAME_MAX = 253
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Judged:
    """A host as it may be connected to: by these addresses and no others."""

    host: str
    """In lower case, without a last dot; an address without brackets."""
    port: int
    addresses: tuple[str, ...]
    """In the resolver's order; what merely wraps an IPv4 address as that address."""


def plain_host(written: str) -> str:
    """Return a host in its one plain spelling; raises `AddressRefused` for any other.

    Programs disagree about `0x7f.1`, `2130706433`, `127.1`, percent signs, zones and characters that fold into others, so
    that the one who judges could mean another host than the one who connects.
    """
    host = written.lower().removesuffix(".")
    if host.isascii() and "%" not in host and (host.startswith("[") or ":" in host):
        inner = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        return str(_as(ipaddress.IPv6Address, inner, written))
    labels = host.split(".")
    if not host.isascii() or len(host) > _NAME_MAX or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressRefused(Refusal.SPELLING, written)
    if _NUMBER.fullmatch(labels[-1]):
        return str(_as(ipaddress.IPv4Address, host, written))
    return host


def _as(kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address], text: str, written: str) -> _Address:
    try:
        return kind(text)
    except ipaddress.AddressValueError as error:
        raise AddressRefused(Refusal.SPELLING, written) from error


class AddressPolicy:
    """Judges hosts. `allowed` are hosts, or `host:port`, that may be private.

    Args:
        allowed: what an administrator lists; each entry is a host or `host:port`.
        own_machine: whether an allowed host may be this machine.
        documentation: whether the ranges for documentation count as public. Nothing real lives there, and some isolated
            networks map package registries to them.
        resolve: the system's resolver unless a test brings its own.
    """

    def __init__(
        self,
        allowed: Iterable[str] = (),
        *,
        own_machine: bool = True,
        documentation: bool = False,
        resolve: Resolve | None = None,
    ) -> None:
        self._allowed = frozenset(_entry(one) for one in allowed)
        self._vouched_kinds = {_Kind.PUBLIC, _Kind.PRIVATE, _Kind.DOCUMENTATION, *([_Kind.OWN] if own_machine else [])}
        self._public_kinds = {_Kind.PUBLIC, *([_Kind.DOCUMENTATION] if documentation else [])}
        self._resolve = resolve or _system_resolve

    def allows(self, host: str, port: int) -> bool:
        """Whether an administrator listed this host."""
        plain = plain_host(host)
        return bool(self._allowed & {(plain, None), (plain, port)})

    async def judge(self, host: str, port: int, *, vouched: bool = False) -> Judged:
        """Resolve a host and return the addresses to connect to; raises `AddressRefused` when any of them is not allowed.

        `vouched` says that an administrator answers for this host, as if it were listed.
        """
        plain = plain_host(host)
        if not 0 < port <= _PORT_MAX:
            raise AddressRefused(Refusal.SPELLING, f"{plain}:{port}")
        found = await self._found(plain, port)
        self._judge(plain, port, found, vouched=vouched)
        return Judged(plain, port, tuple(dict.fromkeys(str(one) for one in found)))

    def _judge(self, plain: str, port: int, found: Sequence[_Address], *, vouched: bool) -> None:
        kinds = {_kind(_behind_translation(one)) for one in found}
        wide = vouched or self.allows(plain, port)
        if not kinds <= (self._vouched_kinds if wide else self._public_kinds):
            never = not kinds <= self._vouched_kinds
            raise AddressRefused(Refusal.NEVER if never else Refusal.NOT_PUBLIC, plain)

    def check_literal(self, host: str, port: int) -> None:
        """Raise `AddressRefused` for an address, spelled out, that will never be allowed; names are judged at their use."""
        plain = plain_host(host)
        literal = _literal(plain)
        if literal is not None:
            self._judge(plain, port, [_unwrapped(literal)], vouched=False)

    async def _found(self, plain: str, port: int) -> list[_Address]:
        literal = _literal(plain)
        if literal is not None:
            return [_unwrapped(literal)]
        try:
            found = [
                _unwrapped(ipaddress.ip_address(one.partition("%")[0])) for one in await self._resolve(plain, port)
            ]
        except (OSError, UnicodeError) as unknown:
            raise AddressRefused(Refusal.UNKNOWN, plain) from unknown
        if not found:
            raise AddressRefused(Refusal.UNKNOWN, plain)
        return found


def is_literal(host: str) -> bool:
    """Whether a plain host is an address and no name."""
    return _literal(host) is not None


def in_url(host: str) -> str:
    """Return a plain host as URLs write it: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def _literal(plain: str) -> _Address | None:
    try:
        return ipaddress.ip_address(plain)
    except ValueError:
        return None


def _kind(address: _Address) -> _Kind:
    return next(
        (
            kind
            for kind, networks in _KINDS
            if any(address in one for one in networks if one.version == address.version)
        ),
        _Kind.NEVER,
    )


def _unwrapped(address: _Address) -> _Address:
    """Return what is really connected to: of a mapped address, the IPv4 one."""
    return address if isinstance(address, ipaddress.IPv4Address) else address.ipv4_mapped or address


def _behind_translation(address: _Address) -> _Address:
    """Return where the well-known NAT64 leads, which networks without IPv4 need for everything.

    Other translations (6to4, Teredo, local-use NAT64, IPv4-compatible) are in no network that passes.
    """
    if isinstance(address, ipaddress.IPv6Address) and address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _entry(written: str) -> tuple[str, int | None]:
    """Read one allowed host: `host`, `host:port`, an IPv6 address, or `[address]:port`."""
    host, colon, port = written.strip().rpartition(":")
    with_port = colon and port.isdecimal() and (":" not in host or host.startswith("["))
    try:
        return (plain_host(host), int(port)) if with_port else (plain_host(written.strip()), None)
    except AddressRefused as odd:
        raise CallerError(
            f"{written!r} in a list of allowed hosts is neither a host nor `host:port`.", field="private_hosts",
            remedy="Write a plain host name or address, without scheme, path or wildcard.",
        ) from odd  # fmt: skip


async def _system_resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
