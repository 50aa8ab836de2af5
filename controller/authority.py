"""Host and port as `Host` and `Origin` name them, in one form that can be compared.

Problem: a URL parser takes `evil@127.0.0.1`, `127.0.0.1/x` or `127.0.0.1?x` for the host 127.0.0.1, so a check that asks
one lets through what a browser or proxy reads otherwise. Choice: the grammar is spelled here, and nothing else is a host.
Invariant: two values are equal exactly when they name the same host and port under one scheme.
"""

import ipaddress
import re
from typing import NamedTuple

DEFAULT_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,255}))(?::(?P<port>[0-9]{1,5}))?"
)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>.*)", re.IGNORECASE)
_PORT_MAX = 65_535


class Authority(NamedTuple):
    """A host in lower case, an IPv6 address without brackets and in its short form; no port where none is named."""

    host: str
    port: int | None


class Origin(NamedTuple):
    """What a browser calls a site."""

    scheme: str
    host: str
    port: int


def authority(text: str) -> Authority | None:
    """Read the value of `Host`; None for anything that is not a host and perhaps a port."""
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        return None
    port = int(found["port"]) if found["port"] else None
    if port is not None and port > _PORT_MAX:
        return None
    if found["v6"] is None:
        return Authority(found["name"].lower(), port)
    try:
        return Authority(str(ipaddress.IPv6Address(found["v6"])), port)
    except ValueError:
        return None


def origin(text: str) -> Origin | None:
    """Read the value of `Origin`; None for `null`, several, or anything that a browser does not send."""
    found = _ORIGIN.fullmatch(text)
    if found is None or (named := authority(found["authority"])) is None:
        return None
    return origin_of(found["scheme"].lower(), named)


def origin_of(scheme: str, named: Authority) -> Origin:
    """Return the site that is reached at an address by a scheme."""
    return Origin(scheme, named.host, DEFAULT_PORTS[scheme] if named.port is None else named.port)
