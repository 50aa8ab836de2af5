"""The command line's door to the controller: HTTP with the installation's token, problem details as errors.

Where the controller is: `CHANGELINE_URL` and `CHANGELINE_TOKEN`, else the running installation of the data directory.
"""

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeAlias, TypeVar
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, ValidationError

from cli.local.data_directory import DataDirectory, locate
from cli.local.runtime_state import Runtime, read_runtime
from controller.events.schemas import DeltaView
from controller.problems import Problem
from pipeline import events
from pipeline.errors import CallerError, ChangelineError, Conflict, TransientError, misfits
from pipeline.settings.process import ProcessSettings

TIMEOUT_S = 60.0
SILENCE_MAX_S = 60.0
"""The controller sends a comment on silent streams every 15 s; a connection without any is dead."""
BAD_REQUEST = 400
UNAUTHORIZED = 401
NOT_FOUND = 404
CONFLICT = 409
INTERNAL = 500
UNAVAILABLE = frozenset({502, 503, 504})

NO_EVENTS = frozenset({"position", "end"})
"""What a stream says about itself."""

Answer = TypeVar("Answer", bound=BaseModel)
Asked: TypeAlias = str | int | Sequence[str] | None


class _StoredEvent(BaseModel):
    """An event as it comes; its payload is judged apart, for it may be of a kind that this version does not know."""

    seq: int
    type: str
    cr_id: str
    at: datetime
    payload: dict[str, Any]


class _StoredEvents(BaseModel):
    items: list[_StoredEvent]


class Unreachable(ChangelineError):
    """No controller answers."""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


class NotThere(CallerError):
    """The controller knows nothing at this address, or of this id."""


class ControllerFailed(ChangelineError):
    """The controller made a mistake; its log says which."""


class OtherVersion(ChangelineError):
    """The controller answered something that this version cannot read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a stream."""

    seq: int
    type: str
    cr_id: str
    at: datetime
    payload: events.Event | None
    """None for a kind that this version does not know."""


class Client:
    """Calls the API; use as a context manager. A refusal is raised as `CallerError` (409 as `Conflict`) with the API's own words."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        # Loopback and operators' own controllers only: ambient proxies would carry the token elsewhere.
        with self._transport_errors():
            self._http = httpx2.Client(
                base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S, trust_env=False,
                verify=_trusted(self.url),
            )  # fmt: skip

    def get(self, path: str, model: type[Answer], **query: Asked) -> Answer:
        """Return the answer of a GET; parameters that are None are left out."""
        return self._call("GET", path, model, params={key: one for key, one in query.items() if one is not None})

    def content(self, path: str) -> bytes:
        """Return the body of a GET as it is."""
        with self._transport_errors():
            return self._require_success(self._http.get(path)).content

    def send(self, path: str, model: type[Answer], content: bytes) -> Answer:
        """Return the answer of a POST of a file."""
        return self._call("POST", path, model, content=content, headers={"Content-Type": "application/octet-stream"})

    def post(
        self,
        path: str,
        model: type[Answer],
        body: Mapping[str, object] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Return the answer of a POST."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._call("POST", path, model, json=dict(body or {}), headers=headers)

    def put(self, path: str, model: type[Answer], body: Mapping[str, object]) -> Answer:
        """Return the answer of a PUT."""
        return self._call("PUT", path, model, json=dict(body))

    def delete(self, path: str, model: type[Answer]) -> Answer:
        """Return the answer of a DELETE."""
        return self._call("DELETE", path, model)

    def events(
        self, path: str, *, after: int = 0, on_delta: Callable[[DeltaView], None] | None = None
    ) -> Iterator[Event | None]:
        """Yield events after `after` as they happen, and None for each sign of life in between.

        `on_delta` is called with the models' text as it streams; it is asked for only then.

        Ends when the server ends the stream. Raises `Unreachable` when the connection breaks or falls silent.
        """
        timeout = httpx2.Timeout(TIMEOUT_S, read=SILENCE_MAX_S)
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        query = {"deltas": "true"} if on_delta else {}
        opened = self._http.stream("GET", path, params=query, headers=headers, timeout=timeout)
        with self._transport_errors(), opened as answer:
            if answer.status_code >= BAD_REQUEST:
                answer.read()
                self._require_success(answer)
            kind = ""
            for line in answer.iter_lines():
                if line.startswith("event:"):
                    kind = line[6:].strip()
                elif line.startswith("data:") and kind == "delta":
                    if on_delta is not None and (delta := _delta(line[5:])) is not None:
                        on_delta(delta)
                elif line.startswith("data:") and kind not in NO_EVENTS:
                    yield _event(_StoredEvent.model_validate_json(line[5:]))
                elif line.startswith(":"):
                    yield None

    def events_page(self, path: str, *, after: int, limit: int = 500) -> list[Event]:
        """Return events after `after` that exist now, in order."""
        asked = {"params": {"after": after, "limit": limit}, "headers": {"Accept": "application/json"}}
        return [_event(one) for one in self._call("GET", path, _StoredEvents, **asked).items]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._http.close()

    def _call(self, method: str, path: str, model: type[Answer], **arguments: Any) -> Answer:
        with self._transport_errors():
            answer = self._require_success(self._http.request(method, path, **arguments))
            return model.model_validate_json(answer.content)

    def _require_success(self, answer: httpx2.Response) -> httpx2.Response:
        status = answer.status_code
        if status < BAD_REQUEST:
            return answer
        problem = _problem(answer)
        if status in UNAVAILABLE:
            raise TransientError(problem.detail)
        if status >= INTERNAL:
            raise ControllerFailed(f"{problem.detail} Its log names the request.")
        refusal = {CONFLICT: Conflict, NOT_FOUND: NotThere}.get(status, CallerError)
        remedy = problem.remedy
        if status == UNAUTHORIZED:
            remedy = "Correct CHANGELINE_TOKEN, or unset CHANGELINE_URL to use this machine's own installation."
        raise refusal(problem.detail, field=problem.field, remedy=remedy, status=status)

    @contextmanager
    def _transport_errors(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise _no_address(self.url) from error
        except httpx2.TransportError as error:
            raise Unreachable(
                f"The controller at {self.url} does not answer.", remedy="See `changeline status`."
            ) from error
        except ValidationError as error:
            place = misfits(error.errors())[0].place or "its shape"
            raise OtherVersion(
                f"The controller at {self.url} answered what this version of Changeline cannot read ({place})."
            ) from error


def connect(settings: ProcessSettings) -> Client:
    """Return a client for the configured or the running controller. Raises `Unreachable` when there is none."""
    if settings.url is not None:
        if settings.token is None:
            raise CallerError("CHANGELINE_URL needs a token.", field="CHANGELINE_TOKEN", remedy="Set it.")
        return Client(settings.url, settings.token.get_secret_value())
    runtime = running_on(settings)
    if runtime is None:
        raise Unreachable(
            f"No Changeline runs on {locate(settings)}.",
            remedy="Start it with `changeline up`, or set CHANGELINE_URL and CHANGELINE_TOKEN.",
        )
    return client_of(runtime)


def running_on(settings: ProcessSettings) -> Runtime | None:
    """Return what runs on the data directory, ready or not; None when nothing does."""
    runtime = read_runtime(DataDirectory.at(locate(settings)))
    return runtime if runtime is not None and runtime.alive else None


def client_of(runtime: Runtime) -> Client:
    """Return a client for an installation on this machine."""
    if runtime.phase != "ready" or runtime.controller is None or runtime.token_path is None:
        raise Unreachable(f"Changeline is {runtime.phase}.", remedy="Try again in a moment.")
    try:
        token = Path(runtime.token_path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CallerError(
            f"The token {runtime.token_path} cannot be read: {error.strerror}.",
            field="CHANGELINE_DATA_DIR",
            remedy="Run the command as the user who started Changeline.",
        ) from error
    return Client(runtime.controller, token)


def _no_address(url: str) -> CallerError:
    return CallerError(
        f"{url!r} is no address of a controller.", field="CHANGELINE_URL", remedy="Give one like http://127.0.0.1:8321."
    )


def _event(stored: _StoredEvent) -> Event:
    try:
        payload = events.EVENT.validate_python(stored.payload)
    except ValidationError:
        payload = None
    return Event(seq=stored.seq, type=stored.type, cr_id=stored.cr_id, at=stored.at, payload=payload)


def _delta(data: str) -> DeltaView | None:
    try:
        return DeltaView.model_validate_json(data)
    except ValidationError:
        return None  # dropped rather than kept, as every delta may be


def _problem(answer: httpx2.Response) -> Problem:
    """Return the refusal in the API's own words; what stands between may answer with something else."""
    try:
        return Problem.model_validate_json(answer.content)
    except ValidationError:
        status = answer.status_code
        return Problem(type="about:blank", title="", status=status, detail=f"The controller answered {status}.")


def _trusted(url: str) -> ssl.SSLContext | bool:
    """The authorities of the machine; nobody for plain HTTP, where reading them all would take longer than the call."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if urlsplit(url).scheme == "http" else True
