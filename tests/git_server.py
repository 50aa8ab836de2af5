"""A host of git repositories over HTTP: git's own backend behind a real server on loopback, with the moods of real hosts."""

import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WORDS = "words-of-a-foreign-server"


@dataclass(frozen=True)
class Said:
    """One canned answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Mood = Callable[[str], Said | None]
"""From a request's path and query to a canned answer; None lets git answer."""


@dataclass
class GitServer:
    """Serves every repository below `root`; `mood` comes first."""

    port: int
    mood: Mood = lambda _path: None
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Host header, and path with query."""
    old: bool = False
    """Whether it speaks only the protocol of servers before 2018."""
    sent_bytes: int = 0


def redirecting(to: Callable[[str], str], status: int = 301) -> Mood:
    """Redirect each request below `/moved`."""
    return lambda path: Said(status, {"Location": to(path)}, WORDS.encode()) if path.startswith("/moved") else None


@contextmanager
def git_server(
    root: Path, *, host: str = "127.0.0.1", port: int = 0, certificate: Path | None = None
) -> Iterator[GitServer]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            served.asked.append((self.headers["Host"], self.path))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = served.mood(self.path) or _backend(root, self, body, old=served.old)
            served.sent_bytes += len(said.body)
            self.send_response(said.status)
            for name, value in {**said.headers, "Content-Length": str(len(said.body))}.items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # a client that hung up
                self.end_headers()
                self.wfile.write(said.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((host, port), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    served = GitServer(int(server.server_address[1]))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _backend(root: Path, request: BaseHTTPRequestHandler, body: bytes, *, old: bool) -> Said:
    path, _, query = request.path.partition("?")
    environment = {
        "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
        "QUERY_STRING": query, "REQUEST_METHOD": request.command, "REMOTE_USER": "somebody", "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": request.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": "" if old else request.headers.get("Git-Protocol", ""), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*", "GIT_CONFIG_KEY_1": "http.receivepack", "GIT_CONFIG_VALUE_1": "true",
    }  # fmt: skip
    done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
    head, _, rest = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n") if b": " in line)
    return Said(int(headers.pop("Status", "200")[:3]), headers, rest)
