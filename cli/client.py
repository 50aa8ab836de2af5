"""The command line's door to the controller: HTTP with the installation's token, problem details as errors.

Where the controller is: `CHANGELINE_URL` and `CHANGELINE_TOKEN`, else the running installation of the data directory.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from cli.local.data_directory import DataDirectory, locate
from cli.local.runtime_state import read_runtime
from pipeline.errors import CallerError
from pipeline.settings import Settings

TIMEOUT_S = 60.0
BAD_REQUEST = 400


class Unreachable(Exception):
    """No controller answers."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a stream."""

    seq: int
    type: str
    cr_id: str
    at: str
    payload: Mapping[str, Any]


class Client:
    """Calls the API. Errors of the API are raised as `CallerError` with the API's own words."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        # Loopback and operators' own controllers only: ambient proxies would carry the token elsewhere.
        self._http = httpx2.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S, trust_env=False
        )

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a GET."""
        return self._call("GET", path, params={key: value for key, value in query.items() if value is not None})

    def text(self, path: str, **query: Any) -> str:
        """Return the body of a GET as text."""
        with self._translated():
            return self._checked(self._http.get(path, params=query)).text

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, idempotency_key: str | None = None) -> Any:
        """Return the JSON of a POST."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._call("POST", path, json=dict(body or {}), headers=headers)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON of a PUT."""
        return self._call("PUT", path, json=dict(body))

    def events(self, path: str, *, after: int = 0) -> Iterator[Event]:
        """Yield events as they happen; ends when the server ends the stream. Comments keep it alive."""
        timeout = httpx2.Timeout(TIMEOUT_S, read=120.0)
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        with self._translated(), self._http.stream("GET", path, headers=headers, timeout=timeout) as answer:
            if answer.status_code >= BAD_REQUEST:
                answer.read()
                self._checked(answer)
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    yield _event(json.loads(line[5:]))

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        with self._translated():
            answer = self._checked(self._http.request(method, path, **arguments))
        return answer.json() if answer.content else None

    def _checked(self, answer: httpx2.Response) -> httpx2.Response:
        if answer.status_code < BAD_REQUEST:
            return answer
        try:
            problem = answer.json()
        except ValueError:
            problem = {"detail": f"The controller answered {answer.status_code}."}
        message = problem.get("detail") or problem.get("title") or "The request was refused."
        raise CallerError(message, field=problem.get("field"), remedy=problem.get("remedy"), status=answer.status_code)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.TransportError, httpx2.TimeoutException) as error:
            raise Unreachable(f"The controller at {self.url} does not answer.") from error


def connect(settings: Settings) -> Client:
    """Return a client for the configured or the running controller. Raises `Unreachable` when there is none."""
    if settings.url is not None:
        if settings.token is None:
            raise CallerError("CHANGELINE_URL needs a token.", field="CHANGELINE_TOKEN", remedy="Set it.")
        return Client(settings.url, settings.token.get_secret_value())
    directory = DataDirectory.at(locate(settings))
    runtime = read_runtime(directory)
    if runtime is None or not runtime.alive or runtime.controller is None or runtime.token_path is None:
        raise Unreachable(f"No Changeline runs on {directory.path}. Start it with `changeline up`.")
    return Client(runtime.controller, Path(runtime.token_path).read_text(encoding="utf-8").strip())


def _event(data: Mapping[str, Any]) -> Event:
    return Event(seq=data["seq"], type=data["type"], cr_id=data["cr_id"], at=data["at"], payload=data["payload"])
