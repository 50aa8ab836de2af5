"""HTTP requests to exactly the addresses that were judged.

Problem: a client that resolves the name itself may connect to another address than the one that was judged, and ambient
settings (proxies, kept connections, redirects) lead elsewhere. Choice: the URL's host is replaced by a judged address; name
and certificate stay those of the host. Redirects are answers like any other, nothing ambient is used, and no connection is
kept, so that one to an address never serves another name that shares the address.
"""

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import httpx2

from pipeline.adapters.network.addresses import Judged

_PORTS = {"https": 443, "http": 80}


def port_of(url: httpx2.URL) -> int:
    """Return the port that an http or https address leads to."""
    return _PORTS[url.scheme] if url.port is None else url.port


@asynccontextmanager
async def answered(
    method: str,
    url: httpx2.URL,
    judged: Judged,
    *,
    timeout_s: float,
    headers: Mapping[str, str],
    content: bytes | None = None,
    authorities: ssl.SSLContext | None = None,
) -> AsyncIterator[httpx2.Response]:
    """Send one request and yield its answer, the body unread. `timeout_s` bounds each step, not the whole.

    Another address of the host is tried only when no connection came about. `authorities` replace the packaged ones.
    Raises `httpx2.TransportError`.
    """
    limits = httpx2.Limits(max_keepalive_connections=0)
    trusted = True if authorities is None else authorities
    async with httpx2.AsyncClient(
        trust_env=False, follow_redirects=False, limits=limits, timeout=timeout_s, verify=trusted
    ) as client:
        requests = [
            client.build_request(
                method, url.copy_with(host=address), content=content,
                headers={**headers, "Host": url.netloc.decode()}, extensions={"sni_hostname": judged.host},
            )
            for address in judged.addresses
        ]  # fmt: skip
        answer = await _first(client, requests)
        try:
            yield answer
        finally:
            await answer.aclose()


async def _first(client: httpx2.AsyncClient, requests: Sequence[httpx2.Request]) -> httpx2.Response:
    for request in requests[:-1]:
        with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
            return await client.send(request, stream=True)
    return await client.send(requests[-1], stream=True)
