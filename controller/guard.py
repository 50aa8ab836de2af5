"""What every request passes before any route: the host it names, its size, and headers that protect the answer.

Problem: a page of another site can point its own name at 127.0.0.1 (DNS rebinding) and then talk to a local service as
if it were its own. Choice: only names from an allow-list are answered. The body is bounded while it is read, whatever
`Content-Length` says, and NUL bytes are refused before they reach the database. A header of which one is read comes once,
so that a proxy in front cannot have judged another one. A refused connection is closed.
"""

from collections.abc import Sequence
from time import monotonic

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.authority import authority
from controller.errors import Malformed, TooLarge, WrongHost, problem_of, respond
from controller.metrics import Metrics
from pipeline.errors import CallerError
from pipeline.identifiers import new_id
from pipeline.replay.file import FILE_MAX_BYTES
from pipeline.settings.process import ProcessSettings

BODY_MAX_BYTES = 2 * 1024 * 1024
LARGER_BODIES = {"/api/v1/journals": FILE_MAX_BYTES}
"""Addresses that take whole files."""
_PROBES = frozenset({"/healthz", "/readyz"})
_SINGLE = frozenset({
    b"host", b"origin", b"authorization", b"content-type", b"idempotency-key", b"if-match", b"last-event-id",
})  # fmt: skip
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


def allowed_hosts(settings: ProcessSettings) -> frozenset[str]:
    """Return the names this controller answers for, without ports."""
    door = settings.controller
    names = ("localhost", "127.0.0.1", "::1", door.host, *door.allowed_hosts)
    hosts = (authority(name) or authority(f"[{name}]") for name in names)
    return frozenset(host.host for host in hosts if host is not None)


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
            await respond(problem_of(refusal), {"Connection": "close"})(scope, receive, guarded_send)
        else:
            await self._app(scope, _limit_body(receive, _body_max(scope)), guarded_send)
        self._count(scope, status, monotonic() - started)

    def _refusal(self, scope: Scope) -> CallerError | None:
        if (repeated := _repeated_header(scope)) is not None:
            return Malformed(
                f"The header {repeated} stands there more than once.", field=repeated, remedy="Send it once."
            )
        headers = dict(scope["headers"])
        if (refusal := self._foreign(headers.get(b"host", b"").decode("latin-1"), scope["path"])) is not None:
            return refusal
        if "\x00" in scope["path"] or b"%00" in scope.get("query_string", b""):
            return Malformed("An address cannot contain a NUL character.", remedy="Remove it.")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > _body_max(scope):
            return _too_large(_body_max(scope))
        return None

    def _foreign(self, named: str, path: str) -> CallerError | None:
        """Refuse a host that is none, or not ours. Probes come by addresses that nobody configured."""
        host = authority(named)
        if host is None and named:
            return Malformed("This is not a host.", field="Host", remedy="Name a host, and a port where it needs one.")
        if (host is not None and host.host in self._hosts) or path in _PROBES:
            return None
        return WrongHost(
            f"This controller does not answer for the host {named[:100]!r}.", field="Host",
            remedy="Use its own address, or add the name to CHANGELINE_CONTROLLER__ALLOWED_HOSTS.",
        )  # fmt: skip

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        if self._metrics is None:
            return
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(method=scope["method"], route=route, status=str(status)).inc()
        if not route.endswith("/events"):
            self._metrics.seconds.labels(route=route).observe(seconds)


def _body_max(scope: Scope) -> int:
    return LARGER_BODIES.get(scope["path"], BODY_MAX_BYTES)


def _limit_body(receive: Receive, max_bytes: int) -> Receive:
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


def _repeated_header(scope: Scope) -> str | None:
    """Return the first header that stands there twice although one is read."""
    names = [name for name, _ in scope["headers"] if name in _SINGLE]
    return next((name.decode().title() for name in names if names.count(name) > 1), None)
