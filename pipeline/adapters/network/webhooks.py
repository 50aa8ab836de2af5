"""Signed HTTP deliveries to addresses that people named, and to nothing behind our own walls.

Problem: an address that a user may choose turns the controller into a way into its own network, by a name that resolves
to a private address, by one that resolves differently the second time, or by a redirect. Choice: the name is resolved
and judged by the one address policy (`addresses.py`; the operator may list hosts that are private), the connection goes to
exactly the address that was judged, redirects are answers like any other, and neither proxies nor other ambient settings
are used. What a receiver says reaches the server's log only: it is foreign text, and no caller's business.

The protocol for receivers: `Changeline-Delivery` is the idempotency key, the same at each try; `Changeline-Signature` is
`sha256=` and the hex HMAC-SHA256 of the raw body; `Changeline-Timestamp` is when this try was sent. A lost answer is
followed by the same delivery again, so a receiver takes a key once and answers 2xx when it has it already.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
import structlog

from pipeline.adapters.network import pinned_http
from pipeline.adapters.network.addresses import AddressPolicy, AddressRefused, Judged, Refusal, Resolve, plain_host
from pipeline.errors import CallerError, Conflict, TransientError
from pipeline.ports import Delivery, Receipt, SecretMissing, SecretProvider

_ANSWER_MAX_BYTES = 2_000
_WORDS_MAX = 300
_LATER = frozenset({408, 409, 425, 429})

_log = structlog.get_logger(__name__)


class HttpWebhooks:
    """Implements `pipeline.ports.Webhooks`."""

    def __init__(
        self,
        *,
        secrets: SecretProvider,
        private_hosts: Collection[str] = (),
        timeout_s: float = 10.0,
        resolve: Resolve | None = None,
    ) -> None:
        self._secrets = secrets
        self._policy = AddressPolicy(private_hosts, resolve=resolve)
        self._timeout_s = timeout_s

    async def check(self, url: str, secret: str) -> None:
        """See the port."""
        parsed = _parsed(url)
        try:
            self._policy.check_literal(parsed.raw_host.decode("ascii"), pinned_http.port_of(parsed))
        except AddressRefused as refused:
            message, remedy = _not_public(refused)
            raise CallerError(message, field="url", remedy=remedy) from refused
        await self._key(secret)

    async def deliver(self, delivery: Delivery) -> Receipt:
        """See the port."""
        url, key = _parsed(delivery.url), await self._key(delivery.secret)
        try:
            async with asyncio.timeout(self._timeout_s):
                judged = await self._judged(url)
                status, wish, words = await self._post(url, judged, _headers(delivery, key), delivery.body)
        except TimeoutError as late:
            raise TransientError(f"The receiver did not answer within {self._timeout_s:g} s.") from late
        except httpx2.TransportError as away:
            raise TransientError(f"The receiver could not be reached ({type(away).__name__}).") from away
        if words:
            _log.info("receiver_refused", delivery=delivery.id, status=status, untrusted_answer=words)
        return _judge_answer(status, wish)

    async def _key(self, name: str) -> bytes:
        try:
            return (await self._secrets.get(name)).get_secret_value().encode()
        except SecretMissing as missing:
            raise CallerError(
                f"{missing.message[:-1]}, so nothing can be signed.", field="secret", remedy=missing.remedy
            ) from missing

    async def _judged(self, url: httpx2.URL) -> Judged:
        try:
            return await self._policy.judge(url.raw_host.decode("ascii"), pinned_http.port_of(url))
        except AddressRefused as refused:
            if refused.refusal is Refusal.UNKNOWN:
                raise TransientError(f"The name {refused.host} cannot be resolved now.") from refused
            message, remedy = _not_public(refused)
            raise Conflict(message, field="url", remedy=remedy) from refused

    async def _post(
        self, url: httpx2.URL, judged: Judged, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str | None, str]:
        sent = pinned_http.answered("POST", url, judged, timeout_s=self._timeout_s, headers=headers, content=body)
        async with sent as answer:
            taken = b""
            if answer.status_code >= httpx2.codes.MULTIPLE_CHOICES:
                async for chunk in answer.aiter_raw():
                    taken += chunk
                    if len(taken) >= _ANSWER_MAX_BYTES:
                        break
            return answer.status_code, answer.headers.get("Retry-After"), _words(taken)


def _not_public(refused: AddressRefused) -> tuple[str, str]:
    """Return what is the matter, and what to do."""
    listed = "Use a public receiver, or list the host in CHANGELINE_WEBHOOK__PRIVATE_HOSTS."
    remedy = listed if refused.refusal is Refusal.NOT_PUBLIC else "Use a public receiver, and write its host plainly."
    return f"{refused.host} is not a public address, and deliveries go to no other.", remedy


def _parsed(text: str) -> httpx2.URL:
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as error:
        raise CallerError("This is not a web address.", field="url", remedy="Give an http or https address.") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise CallerError("This is not a web address.", field="url", remedy="Give an http or https address.")
    try:
        plain_host(url.raw_host.decode("ascii"))
    except AddressRefused as odd:
        raise CallerError(
            "The host of this address is not written plainly.", field="url",
            remedy="Write a host name, or an address in its usual form.",
        ) from odd  # fmt: skip
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


def _judge_answer(status: int, wish: str | None) -> Receipt:
    if httpx2.codes.is_success(status):
        return Receipt(status=status)
    if status in _LATER or httpx2.codes.is_server_error(status):
        raise TransientError(f"The receiver answered {status}.", retry_after_s=_seconds(wish), status=status)
    if httpx2.codes.is_redirect(status):
        raise Conflict(f"The receiver answered {status}; redirects are not followed.", status=status)
    raise Conflict(f"The receiver answered {status}; what it said is in the controller's log.", status=status)


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
