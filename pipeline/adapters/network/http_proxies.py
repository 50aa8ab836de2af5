"""Which HTTP proxy libcurl takes for an address, by the environment that git is started with.

A wrong guess opens nothing: an address is judged and told to git all the same, and one that only a proxy can resolve is
told an address that leads nowhere.
"""

import re
from collections.abc import Mapping

from pipeline.repositories.remote_address import RemoteAddress

_NAMES = {"http": ("http_proxy",), "https": ("https_proxy", "HTTPS_PROXY")}
"""libcurl ignores HTTP_PROXY in capitals, which a request's header could set."""


def proxy_of(address: RemoteAddress, surroundings: Mapping[str, str]) -> str | None:
    """Return the proxy for an http or https address, None for a direct connection."""
    named = (surroundings.get(name) for name in _NAMES.get(address.transport, ()))
    proxy = next((one for one in named if one), None)
    return None if proxy is None or _spared(address.host, surroundings) else proxy


def _spared(host: str, surroundings: Mapping[str, str]) -> bool:
    spared = surroundings.get("no_proxy") or surroundings.get("NO_PROXY") or ""
    plain = host.strip("[]").lower().removesuffix(".")
    for one in re.split(r"[\s,]+", spared.lower()):
        entry = one.strip("[]").lstrip(".").removesuffix(".")
        if one == "*" or (entry and (plain == entry or plain.endswith(f".{entry}"))):
            return True
    return False
