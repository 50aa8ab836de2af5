"""Where an HTTP repository has moved to, looked up by ourselves.

Problem: hosts answer `/group/project` with a redirect to `/group/project.git`, or http with https, and git that follows
redirects follows them anywhere. Choice: git never follows; the question that git would ask first is asked here, each hop is
judged like the first address, and git is then given the final one. Invariant: a redirect leads to another place of the same
kind only (same question, never from https to http), at most three times, and none of the server's words leave this module.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import httpx2

from pipeline.adapters.network import pinned_http
from pipeline.adapters.network.addresses import AddressRefused, Judged
from pipeline.errors import CallerError
from pipeline.repositories.remote_address import RemoteAddress, Transport

_ASKED = "/info/refs"
_QUESTION = "service=git-upload-pack"
_HOPS_MAX = 3
_LOCATION_MAX = 2000

Judge = Callable[[RemoteAddress], Awaitable[Judged]]


async def moved_to(address: RemoteAddress, judge: Judge, *, timeout_s: float) -> RemoteAddress | None:
    """Return where the repository at `address` is now; None when that is nowhere that git may go."""
    here = address
    try:
        async with asyncio.timeout(timeout_s):
            for _ in range(_HOPS_MAX + 1):
                location = await _location(here, await judge(here), timeout_s)
                if location is None:
                    return None if here is address else here
                here = _next(here, location)
    except (AddressRefused, CallerError, TimeoutError, httpx2.TransportError, httpx2.InvalidURL):
        return None
    return None


async def _location(address: RemoteAddress, judged: Judged, timeout_s: float) -> str | None:
    url = httpx2.URL(f"{address.text.rstrip('/')}{_ASKED}?{_QUESTION}")
    headers = {"User-Agent": "git/changeline", "Accept-Encoding": "identity", "Git-Protocol": "version=2"}
    # The authorities are those that git uses, so that a company's own is trusted alike.
    authorities = await asyncio.to_thread(ssl.create_default_context)
    asked = pinned_http.answered("GET", url, judged, timeout_s=timeout_s, headers=headers, authorities=authorities)
    async with asked as answer:
        location: str | None = answer.headers.get("Location")
        return location if httpx2.codes.is_redirect(answer.status_code) else None


def _next(here: RemoteAddress, location: str) -> RemoteAddress:
    if len(location) > _LOCATION_MAX:
        raise CallerError("The redirect is too long.")
    target = urlsplit(str(httpx2.URL(f"{here.text.rstrip('/')}{_ASKED}").join(location)))
    if target.query != _QUESTION or not target.path.endswith(_ASKED) or target.fragment:
        raise CallerError("The redirect leads to something else than was asked for.")
    there = RemoteAddress.parse(f"{target.scheme}://{target.netloc}{target.path.removesuffix(_ASKED)}")
    if there.transport not in {Transport.HTTP, Transport.HTTPS} or (here.transport, there.transport) == (
        Transport.HTTPS,
        Transport.HTTP,
    ):
        raise CallerError("The redirect leaves HTTP, or its encryption.")
    return there
