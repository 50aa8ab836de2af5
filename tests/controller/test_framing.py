"""Bytes that two readers could take for different requests are answered 400, the connection is closed, nothing happens."""

import json
import re
import socket
from collections.abc import Iterator

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.framing import CHUNK_EXTRAS_MAX_BYTES, HEAD_MAX_BYTES, RequestFraming
from tests.controller.conftest import Controller, Lent, Starter, lending, submission
from tests.controller.fakes import ScriptedLauncher
from tests.database import TestServer

_BODY = json.dumps(submission()).encode()
_CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(_BODY), _BODY)
_SUBMIT = b"POST /api/v1/change-requests HTTP/1.1\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def hostile() -> dict[str, bytes]:
    """What each lacks is only the line with its credentials, which `sent` puts after the first line end."""
    length = b"Content-Length: %d\r\n" % len(_BODY)
    chunked, host = b"Transfer-Encoding: chunked\r\n", b"Host: localhost\r\n"
    smuggled = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    return {
        "both lengths": _SUBMIT + host + length + chunked + b"\r\n" + _CHUNKED,
        "both lengths, the other way round": _SUBMIT + host + chunked + b"Content-Length: 4\r\n\r\n" + smuggled,
        "two lengths": _SUBMIT + host + length + b"Content-Length: 0\r\n\r\n" + _BODY,
        "one length twice": _SUBMIT + host + length + length + b"\r\n" + _BODY,
        "a list of lengths": _SUBMIT + host + b"Content-Length: %d, %d\r\n\r\n" % (len(_BODY), len(_BODY)) + _BODY,
        "a signed length": _SUBMIT + host + b"Content-Length: +%d\r\n\r\n" % len(_BODY) + _BODY,
        "an endless length": _SUBMIT + host + b"Content-Length: " + b"0" * 500 + b"%d\r\n\r\n" % len(_BODY) + _BODY,
        "two codings": _SUBMIT + host + chunked + chunked + b"\r\n" + _CHUNKED,
        "another coding": _SUBMIT + host + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + _CHUNKED,
        "a hidden coding": _SUBMIT + host + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + _CHUNKED,
        "a coding in HTTP/1.0": _SUBMIT.replace(b"/1.1", b"/1.0") + host + chunked + b"\r\n" + _CHUNKED,
        "a folded header": _SUBMIT + host + b"X-A: b\r\n " + length + b"\r\n" + _BODY,
        "a folded coding": _SUBMIT + host + b"Transfer-Encoding:\r\n chunked\r\n" + length + b"\r\n" + _CHUNKED,
        "bare line feeds": (_SUBMIT + host + length + b"\r\n").replace(b"\r\n", b"\n") + _BODY,
        "one bare line feed": _SUBMIT + b"Host: localhost\n" + length + b"\r\n" + _BODY,
        "a bare carriage return": _SUBMIT + host + b"X-A: b\rX-C: d\r\n" + length + b"\r\n" + _BODY,
        "NUL in a header": _SUBMIT + host + b"X-A: b\x00c\r\n" + length + b"\r\n" + _BODY,
        "a control character in a header": _SUBMIT + host + b"X-A: b\x1bc\r\n" + length + b"\r\n" + _BODY,
        "a space before the colon": _SUBMIT + host + b"Content-Length : %d\r\n\r\n" % len(_BODY) + _BODY,
        "a header without a name": _SUBMIT + host + b": x\r\n" + length + b"\r\n" + _BODY,
        "an absolute target": _SUBMIT.replace(b"/api", b"http://localhost/api") + host + length + b"\r\n" + _BODY,
        "another host's target": b"GET http://evil.example/ HTTP/1.1\r\n" + host + b"\r\n",
        "a tunnel": b"CONNECT localhost:22 HTTP/1.1\r\n" + host + b"\r\n",
        "an asterisk": b"OPTIONS * HTTP/1.1\r\n" + host + b"\r\n",
        "a fragment": b"GET /api/v1/me#x HTTP/1.1\r\n" + host + b"\r\n",
        "no host": _SUBMIT + length + b"\r\n" + _BODY,
        "two hosts": _SUBMIT + host + b"Host: evil.example\r\n" + length + b"\r\n" + _BODY,
        "one host twice": _SUBMIT + host + host + length + b"\r\n" + _BODY,
        "a host with a user": _SUBMIT + b"Host: evil.example@localhost\r\n" + length + b"\r\n" + _BODY,
        "a host with a path": _SUBMIT + b"Host: localhost/evil\r\n" + length + b"\r\n" + _BODY,
        "a host with a query": _SUBMIT + b"Host: localhost?evil\r\n" + length + b"\r\n" + _BODY,
        "a port that is none": _SUBMIT + b"Host: localhost:99999\r\n" + length + b"\r\n" + _BODY,
        "HTTP/0.9": b"GET /api/v1/me\r\n",
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/1.9": _SUBMIT.replace(b"/1.1", b"/1.9") + host + length + b"\r\n" + _BODY,
        "lower case": _SUBMIT.replace(b"HTTP", b"http") + host + length + b"\r\n" + _BODY,
        "a tab in the first line": b"GET\t/api/v1/me\tHTTP/1.1\r\n" + host + b"\r\n",
        "an empty first line": b"\r\n" + _SUBMIT + host + length + b"\r\n" + _BODY,
        "a size with a sign": _SUBMIT + host + chunked + b"\r\n+" + _CHUNKED,
        "a size in C's spelling": _SUBMIT + host + chunked + b"\r\n0x" + _CHUNKED,
        "a size beyond numbers": _SUBMIT + host + chunked + b"\r\n" + b"f" * 20 + b"\r\n",
        "a longer chunk": _SUBMIT + host + chunked + b"\r\n" + _CHUNKED.replace(b"\r\n0\r\n", b"xx\r\n0\r\n"),
        "a chunk that ends in a line feed": _SUBMIT + host + chunked + b"\r\n" + _CHUNKED.replace(b"\r\n0\r\n", b"\n0\r\n"),
        "a bare line feed in an extension": _SUBMIT + host + chunked + b"\r\n1;a\nb\r\n{\r\n" + _CHUNKED,
        "a flood of extensions": _SUBMIT + host + chunked + b"\r\n" + (b"1;" + b"a" * 900 + b"\r\n \r\n") * 20 + _CHUNKED,
        "a flood of trailers": _SUBMIT + host + chunked + b"\r\n" + _CHUNKED[:-2] + b"X-A: b\r\n" * 2000 + b"\r\n",
        "a bare line feed in trailers": _SUBMIT + host + chunked + b"\r\n" + _CHUNKED[:-2] + b"X-A: b\n\r\n",
        "a head without end": _SUBMIT + host + b"X-A: " + b"a" * HEAD_MAX_BYTES,
        "headers without end": _SUBMIT + host + b"X-A: b\r\n" * (HEAD_MAX_BYTES // 8 + 1),
        "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
        "two origins": _SUBMIT + host + b"Origin: http://localhost\r\nOrigin: http://evil.example\r\n" + length + b"\r\n" + _BODY,
    }  # fmt: skip


@pytest.fixture(scope="module")
def lent(postgres: TestServer) -> Iterator[Lent]:
    """Without workers, so that what people caused stays visible."""
    with lending(postgres, launcher=ScriptedLauncher(ready=False)) as one:
        yield one


def answers(controller: Controller, *pieces: bytes) -> list[tuple[int, bytes]]:
    """Everything that comes back until the server closes: statuses with what follows each head."""
    host, port = controller.url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            while more := connection.recv(65536):
                received += more
        except (ConnectionResetError, BrokenPipeError):
            # A server that closes while more is on its way resets; what it said before was read.
            pass
    found = re.split(rb"(?=HTTP/1\.1 \d{3} )", received)
    return [(int(one[9:12]), one.partition(b"\r\n\r\n")[2]) for one in found if one]


def with_token(controller: Controller, request: bytes) -> bytes:
    """Put credentials into the head, so that nothing but the framing can be the reason for a refusal."""
    first, newline, rest = request.partition(b"\n")
    ending = b"\r\n" if first.endswith(b"\r") else b"\n"
    if not newline or first.strip() == b"" or b" HTTP/1" not in first:
        return request
    return first + newline + b"Authorization: Bearer " + controller.token.encode() + ending + rest


def test_what_can_be_read_in_two_ways_is_refused_and_never_carried_out(
    controller: Controller, hostile: dict[str, bytes]
) -> None:
    wrong = {}
    follower = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for name, request in hostile.items():
        got = answers(controller, with_token(controller, request), b"" if "without end" in name else follower)
        if [status for status, _ in got] != [400] or controller.count("change_requests") != [0]:
            wrong[name] = got
    assert wrong == {}


def test_the_refusal_says_what_is_wrong(controller: Controller) -> None:
    request = _SUBMIT + b"Host: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    ((status, body),) = answers(controller, request)
    problem = json.loads(body)
    assert (status, problem["type"]) == (400, "urn:changeline:problem:malformed")
    assert "both Content-Length and Transfer-Encoding" in problem["detail"]


def test_a_foreign_host_is_told_so_and_the_connection_closed(controller: Controller) -> None:
    request = b"GET /api/v1/me HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    assert [status for status, _ in answers(controller, request * 2)] == [421]


def test_requests_before_a_bad_one_are_answered_first_and_those_after_it_never(controller: Controller) -> None:
    good = with_token(controller, b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n")
    submit = with_token(controller, _SUBMIT + b"Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNKED)
    bad = b"GET / HTTP/1.1\nHost: localhost\r\n\r\n"
    for piece in (good + good + bad + submit, good + good + bad[:9]):
        rest = b"" if len(piece) > 500 and b"POST" in piece else bad[9:] + submit
        assert [status for status, _ in answers(controller, piece, rest)] == [200, 200, 400]
    assert controller.count("change_requests") == [0]


def test_every_honest_spelling_is_still_understood(controller: Controller) -> None:
    host, close = b"hOsT:localhost\r\n", b"Connection: close\r\n"
    length = b"content-length:\t%d \r\n" % len(_BODY)
    extended = b'%x;a=b;c="d"\r\n%b\r\n0\r\nX-Sum: 1\r\n\r\n' % (len(_BODY), _BODY)
    bodies = [length + b"\r\n" + _BODY, b"transfer-encoding: Chunked\r\n\r\n" + _CHUNKED]
    bodies.append(b"Transfer-Encoding: chunked\r\n\r\n" + extended)
    for number, body in enumerate(bodies, start=1):
        request = with_token(controller, _SUBMIT + host + close + b"X-Empty:\r\nX-Latin: \xe4\r\n" + body)
        assert [status for status, _ in answers(controller, request)] == [202]
        assert [status for status, _ in answers(controller, *(bytes([one]) for one in request))] == [202]
        assert controller.count("change_requests") == [2 * number]
    old = with_token(controller, b"GET /api/v1/me HTTP/1.0\r\n" + host + b"\r\n")
    assert [status for status, _ in answers(controller, old)] == [200]


def test_a_request_that_never_arrives_whole_ends_its_connection(start: Starter) -> None:
    head = _SUBMIT + b"Host: localhost\r\n"
    with start.running(launcher=ScriptedLauncher(ready=False), request_timeout_s=0.2) as hasty:
        assert answers(hasty) == [], "what says nothing is told nothing"
        for part in (head, head + b"Content-Length: 9\r\n\r\n{", head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"):
            ((status, body),) = answers(hasty, with_token(hasty, part))
            assert (status, "did not arrive" in json.loads(body)["detail"]) == (400, True)


_PIECES = [
    b"GET / HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\n", b"POST /x HTTP/1.0\r\n", b"Host: a\r\n", b"Host: b\r\n",
    b"Content-Length: 3\r\n", b"Content-Length: 5\r\n", b"Content-Length: 3, 3\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n", b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n",
    b" folded\r\n", b"X: y\r\n", b"X : y\r\n", b"\r\n", b"\n", b"\r", b"abc", b"3\r\nabc\r\n", b"0\r\n\r\n", b"0;x\r\n",
    b"3;x=y\r\n", b"3 \r\n", b"\x00", b" ", b"\x0b", b"\xff", b":", b";",
]  # fmt: skip
_START = b"POST / HTTP/1.1\r\nHost: a\r\n"


def by_library(data: bytes) -> list[tuple[bytes, bytes]]:
    """The complete requests that the server's own HTTP library finds: target and body of each."""
    connection, found, body = h11.Connection(h11.SERVER), list[tuple[bytes, bytes]](), b""
    connection.receive_data(data)
    target = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            return found
        if isinstance(event, h11.Request):
            target, body = bytes(event.target), b""
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            found.append((target, body))
            connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return found
            connection.start_next_cycle()


def _judge(parts: list[bytes], cuts: list[int]) -> None:
    stream = _START + b"".join(parts)
    whole, refusal = RequestFraming().check(stream)
    inside = sorted(cut % (len(stream) + 1) for cut in cuts)
    scanner, passed, piecewise = RequestFraming(), b"", None
    for begin, end in zip([0, *inside], [*inside, len(stream)], strict=True):
        count, piecewise = scanner.check(stream[begin:end])
        passed += stream[begin : begin + count]
        if piecewise is not None:
            break
    assert (piecewise is None) is (refusal is None)
    assert by_library(stream[:whole]) == by_library(passed)
    if refusal is None:
        by_library(stream)


@pytest.mark.parametrize("number", [300, pytest.param(5_000, marks=pytest.mark.thorough)])
def test_what_passes_ends_for_the_library_where_it_ends_here(number: int) -> None:
    """Whatever comes in whatever pieces: what passes, the library reads without complaint, and alike in any pieces."""
    cuts = st.lists(st.integers(0, 1_000), max_size=4)
    holds = given(st.lists(st.sampled_from(_PIECES), max_size=14), cuts)(_judge)
    settings(max_examples=number, deadline=None)(holds)()


def test_a_byte_that_begins_no_request_is_refused_at_once() -> None:
    for first in (b"\x00", b"\r", b" ", b"\x0b"):
        taken, refusal = RequestFraming().check(_START + b"\r\n" + first)
        assert (taken, refusal is None) == (len(_START) + 2, False)


def test_limits_are_those_that_are_written_down() -> None:
    line = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
    longest = line + b"a" * (HEAD_MAX_BYTES - len(line) - 4) + b"\r\n\r\n"
    assert RequestFraming().check(longest) == (HEAD_MAX_BYTES, None)
    assert RequestFraming().check(longest.replace(b"X: ", b"X: a"))[1] is not None
    chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    extras = b"1;" + b"a" * 1023 + b"\r\nx\r\n"
    allowed = CHUNK_EXTRAS_MAX_BYTES // 1024
    assert RequestFraming().check(chunked + extras * allowed)[1] is None
    assert RequestFraming().check(chunked + extras * (allowed + 1))[1] is not None
