"""Signed HTTP deliveries to addresses that people named, and to nothing behind our own walls.

Problem: an address that a user may choose turns the controller into a way into its own network, by a name that resolves
to a private address, by one that resolves differently the second time, or by a redirect. Choice: the name is resolved
here, every address it has must be public (unless the operator listed the host), the connection goes to exactly the address
that was judged, redirects are answers like any other, and neither proxies nor other ambient settings are used.

The protocol for receivers: `Changeline-Delivery` is the idempotency key, the same at each try; `Changeline-Signature` is
`sha256=` and the hex HMAC-SHA256 of the raw body; `Changeline-Timestamp` is when this try was sent. A lost answer is
followed by the same delivery again, so a receiver takes a key once and answers 2xx when it has it already.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
from pydantic import SecretStr

from pipeline.errors import CallerError, Conflict, TransientError
from pipeline.ports import Delivery, Receipt

_ANSWER_MAX_BYTES = 2_000
_WORDS_MAX = 300
_LATER = frozenset({408, 409, 425, 429})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class HttpWebhooks:
    """Implements `pipeline.ports.Webhooks`."""

    def __init__(
        self,
        *,
        secrets: Mapping[str, SecretStr],
        private_hosts: Collection[str] = (),
        timeout_s: float = 10.0,
        resolve: Resolve | None = None,
    ) -> None:
        self._secrets = secrets
        self._private_hosts = frozenset(host.lower().rstrip(".") for host in private_hosts)
        self._timeout_s = timeout_s
        self._resolve = resolve or _system_resolve

    def check(self, url: str, secret: str) -> None:
        """See the port."""
        _parsed(url)
        self._key(secret)

    async def deliver(self, delivery: Delivery) -> Receipt:
        """See the port."""
        url, key = _parsed(delivery.url), self._key(delivery.secret)
        try:
            async with asyncio.timeout(self._timeout_s):
                address = await self._judged(url)
                status, wish, words = await self._post(url, address, _headers(delivery, key), delivery.body)
        except TimeoutError as late:
            raise TransientError(f"The receiver did not answer within {self._timeout_s:g} s.") from late
        except httpx2.TransportError as away:
            raise TransientError(f"The receiver could not be reached ({type(away).__name__}).") from away
        return _judge_answer(status, wish, words)

    def _key(self, name: str) -> bytes:
        secret = self._secrets.get(name)
        if secret is None or not secret.get_secret_value():
            raise CallerError(
                f"No secret named {name!r} is configured, so nothing can be signed.", field="secret",
                remedy=f"Set CHANGELINE_WEBHOOK__SECRETS__{name.upper()} for the controller.",
            )  # fmt: skip
        return secret.get_secret_value().encode()

    async def _judged(self, url: httpx2.URL) -> str:
        host, port = url.host.lower().rstrip("."), url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await self._resolve(host, port)
        except OSError as unknown:
            raise TransientError(f"The name {host} cannot be resolved now.") from unknown
        allowed = _not_link_local if host in self._private_hosts else _public
        if not found or not all(allowed(_real(address)) for address in found):
            raise Conflict(
                f"{host} is not a public address, and deliveries go to no other.", field="url",
                remedy="Use a public receiver, or list the host in CHANGELINE_WEBHOOK__PRIVATE_HOSTS.",
            )  # fmt: skip
        return found[0]

    async def _post(
        self, url: httpx2.URL, address: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str | None, str]:
        # Connections are not kept: one to an address must not serve another name that shares the address.
        limits = httpx2.Limits(max_keepalive_connections=0)
        async with (
            httpx2.AsyncClient(trust_env=False, follow_redirects=False, limits=limits, timeout=self._timeout_s) as client,
            client.stream(
                "POST", url.copy_with(host=address), content=body, headers={**headers, "Host": url.netloc.decode()},
                extensions={"sni_hostname": url.host},
            ) as answer,
        ):  # fmt: skip
            taken = b""
            if answer.status_code >= httpx2.codes.MULTIPLE_CHOICES:
                async for chunk in answer.aiter_raw():
                    taken += chunk
                    if len(taken) >= _ANSWER_MAX_BYTES:
                        break
            return answer.status_code, answer.headers.get("Retry-After"), _words(taken)


def _parsed(text: str) -> httpx2.URL:
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as error:
        raise CallerError("This is not a web address.", field="url", remedy="Give an http or https address.") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise CallerError("This is not a web address.", field="url", remedy="Give an http or https address.")
    if url.userinfo or url.fragment:
        raise CallerError(
            "The address must carry neither credentials nor a fragment.", field="url",
            remedy="Leave them out; the signature shows who sends.",
        )  # fmt: skip
    return url


def _headers(delivery: Delivery, key: bytes) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "Changeline",
        "Accept-Encoding": "identity",
        "Changeline-Delivery": delivery.id,
        "Changeline-Timestamp": str(int(time.time())),
        "Changeline-Signature": "sha256=" + hmac.new(key, delivery.body, hashlib.sha256).hexdigest(),
    }


def _judge_answer(status: int, wish: str | None, words: str) -> Receipt:
    said = f": “{words}”" if words else ""
    if httpx2.codes.is_success(status):
        return Receipt(status=status)
    if status in _LATER or httpx2.codes.is_server_error(status):
        raise TransientError(f"The receiver answered {status}{said}.", retry_after_s=_seconds(wish), status=status)
    if httpx2.codes.is_redirect(status):
        raise Conflict(f"The receiver answered {status}; redirects are not followed.", status=status)
    raise Conflict(f"The receiver answered {status}{said}.", status=status, untrusted_answer=words)


def _seconds(wish: str | None) -> float | None:
    if wish is None:
        return None
    if wish.strip().isdecimal():
        return float(wish.strip()[:9])
    try:
        moment = parsedate_to_datetime(wish)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _words(answer: bytes) -> str:
    text = answer[:_ANSWER_MAX_BYTES].decode(errors="replace")
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())[:_WORDS_MAX]


def _public(address: _Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _not_link_local(address: _Address) -> bool:
    return not (address.is_link_local or address.is_multicast or address.is_unspecified)


def _real(text: str) -> _Address:
    """Parse an address; one that only wraps an IPv4 address is judged as that one."""
    parsed = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed
    if parsed in _NAT64:
        return ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    return parsed.ipv4_mapped or parsed.sixtofour or parsed


async def _system_resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
