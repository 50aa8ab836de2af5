"""Runs inside the sandbox: gives a command an HTTPS proxy on its own loopback.

Problem: package managers speak to proxies over TCP, and the sandbox's network namespace has no way out but a Unix
socket. Choice: this small program, with the standard library only, listens on the namespace's loopback, passes bytes
to the socket, runs the command with the proxy variables set, and exits as the command does. It decides nothing: what
may be reached is the business of `egress_proxy`, outside.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping

_CHUNK = 64 * 1024


def main(socket_path: str, argv: list[str]) -> int:
    """Run `argv` with a proxy and return its exit code, 128 + signal when it was killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=_accept, args=(listener, socket_path), daemon=True).start()
    variables = {**os.environ, **_proxy_variables(listener.getsockname()[1])}  # noqa: TID251 - a program of its own
    try:
        code = subprocess.run(argv, env=variables, check=False).returncode
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        return 127
    return code if code >= 0 else 128 - code


def _proxy_variables(port: int) -> Mapping[str, str]:
    address = f"http://127.0.0.1:{port}"
    java = f"-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={port}"
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
    return {**dict.fromkeys(names, address), "MAVEN_OPTS": java, "GRADLE_OPTS": java}


def _accept(listener: socket.socket, socket_path: str) -> None:
    while True:
        client, _ = listener.accept()
        upstream = socket.socket(socket.AF_UNIX)
        try:
            upstream.connect(socket_path)
        except OSError:
            client.close()
            continue
        for source, target in ((client, upstream), (upstream, client)):
            threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, target):
            end.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
