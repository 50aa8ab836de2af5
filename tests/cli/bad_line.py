"""A bad line between the command line and the controller: answers get lost, streams break, on purpose and in order."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server", "host"}


@dataclass
class BadLine:
    """What it does to the next connections, and what it saw."""

    target: str
    lose_answers: int = 0
    """So many answers to POST get lost after the controller acted."""
    cut_after: deque[int] = field(default_factory=deque)
    """After how many events the next streams are cut; streams beyond that are left alone."""
    resumed_at: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def bad_line(target: str) -> Iterator[BadLine]:
    """Serve a proxy in front of `target`."""
    line = BadLine(target)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"line": line}))
    server.daemon_threads = True
    line.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield line
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    line: BadLine

    def do_GET(self) -> None:
        if "text/event-stream" in self.headers.get("Accept", ""):
            self._stream()
        else:
            self._pass("GET", b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._pass("POST", body)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def _pass(self, method: str, body: bytes) -> None:
        answer = httpx2.request(
            method, self.line.target + self.path, content=body, headers=self._forwarded(), trust_env=False
        )
        if method == "POST" and self.line.lose_answers:
            self.line.lose_answers -= 1
            self.close_connection = True
            return
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers.get("content-type", "application/json"))
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def _stream(self) -> None:
        self.line.resumed_at.append(self.headers.get("Last-Event-ID", ""))
        left = self.line.cut_after.popleft() if self.line.cut_after else None
        self.close_connection = True
        with httpx2.stream("GET", self.line.target + self.path, headers=self._forwarded(), trust_env=False) as answer:
            self.send_response(answer.status_code)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for text in answer.iter_lines():
                if text.startswith("data:") and '"payload"' in text:
                    if left == 0:
                        return
                    left = left - 1 if left is not None else None
                try:
                    self.wfile.write(text.encode() + b"\n")
                    self.wfile.flush()
                except (BrokenPipeError, ConnectionResetError):
                    return

    def _forwarded(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
