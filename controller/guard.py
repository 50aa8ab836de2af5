"""What every request passes before any route: the host it names, its size, and headers that protect the answer.

Problem: a page of another site can point its own name at 127.0.0.1 (DNS rebinding) and then talk to a local service as
if it were its own. Choice: only names from an allow-list are answered. The body is bounded while it is read, whatever
`Content-Length` says, and NUL bytes are refused before they reach the database.
"""

from collections.abc import Sequence
from time import monotonic
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.errors import Malformed, TooLarge, WrongHost, problem_of, respond
from controller.metrics import Metrics
from pipeline.errors import CallerError
from pipeline.identifiers import new_id
from pipeline.replay.file import FILE_MAX_BYTES
from pipeline.settings import Settings

BODY_MAX_BYTES = 2 * 1024 * 1024
LARGER_BODIES = {"/api/v1/journals": FILE_MAX_BYTES}
"""Addresses that take whole files."""
_PROBES = frozenset({"/healthz", "/readyz"})
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


def allowed_hosts(settings: Settings) -> frozenset[str]:
    """Return the names this controller answers for, without ports."""
    door = settings.controller
    return frozenset(
        name.lower() for name in ("localhost", "127.0.0.1", "::1", door.host.strip("[]"), *door.allowed_hosts)
    )


class Guard:
    """Pure ASGI, so that streams pass through untouched. Counts requests on the way out."""

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str], metrics: Metrics | None) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with a bounded body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["changeline.request_id"] = new_id("req")
        started, status = monotonic(), 0

        async def guarded_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                added = [header for header in _HEADERS if header[0] not in present]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await respond(problem_of(refusal))(scope, receive, guarded_send)
        else:
            await self._app(scope, _bounded(receive, _body_max(scope)), guarded_send)
        self._count(scope, status, monotonic() - started)

    def _refusal(self, scope: Scope) -> CallerError | None:
        headers = dict(scope["headers"])
        host = _host_name(headers.get(b"host", b"").decode("latin-1"))
        if host not in self._hosts and scope["path"] not in _PROBES:
            return WrongHost(
                f"This controller does not answer for the host {host[:100]!r}.", field="Host",
                remedy="Use its own address, or add the name to CHANGELINE_CONTROLLER__ALLOWED_HOSTS.",
            )  # fmt: skip
        if "\x00" in scope["path"] or b"%00" in scope.get("query_string", b""):
            return Malformed("An address cannot contain a NUL character.", remedy="Remove it.")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > _body_max(scope):
            return _too_large(_body_max(scope))
        return None

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        if self._metrics is None:
            return
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(method=scope["method"], route=route, status=str(status)).inc()
        if not route.endswith("/events"):
            self._metrics.seconds.labels(route=route).observe(seconds)


def _body_max(scope: Scope) -> int:
    return LARGER_BODIES.get(scope["path"], BODY_MAX_BYTES)


def _bounded(receive: Receive, max_bytes: int) -> Receive:
    total = 0

    async def bounded() -> Message:
        nonlocal total
        message = await receive()
        if message["type"] == "http.request":
            total += len(message.get("body", b""))
            if total > max_bytes:
                # The framework passes on its own exception from a body that it reads; any other would become a 400.
                raise HTTPException(413)
        return message

    return bounded


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(
        f"The body is larger than {max_bytes} bytes.", field="body", remedy="Send less text.", max_bytes=max_bytes,
    )  # fmt: skip


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
