"""Which bytes may be an HTTP request at all, decided before anything reads them.

Problem: where a proxy and this server disagree about where a request ends, the rest of one person's request becomes the
beginning of another's (request smuggling). HTTP libraries are lenient for the sake of old clients: bare line feeds, folded
headers, two lengths. Choice: a scanner in front of the library that follows each message to its end and accepts only the one
spelling about which nobody disagrees. Invariant: whatever passes here ends, for the library, where it ends here; of a
request whose head does not pass, nothing is ever processed.
"""

import re
from enum import Enum, auto

from controller.errors import Malformed

HEAD_MAX_BYTES = 64 * 1024
CHUNK_EXTRAS_MAX_BYTES = 8 * 1024
"""Chunk extensions and trailers of one body, which nobody here reads."""
_CHUNK_LINE_MAX_BYTES = 4 * 1024

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(_TOKEN + rb" (?P<target>[\x21-\x7e]+) HTTP/1\.(?P<minor>[01])")
_FIELD = re.compile(rb"(?P<name>" + _TOKEN + rb"):[ \t]*(?P<value>[\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CHUNK = re.compile(rb"(?P<size>[0-9A-Fa-f]{1,15})(?P<extension>;[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")
_CRLF = b"\r\n"


class _Place(Enum):
    REQUEST_LINE = auto()
    FIELDS = auto()
    BODY = auto()
    CHUNK_SIZE = auto()
    CHUNK_DATA = auto()
    CHUNK_END = auto()
    TRAILERS = auto()


_FIRST_MARK = 0x21
"""No request begins with a lower byte; the library after us does not wait for the end of such a line either."""


class RequestFraming:
    """Follows the requests of one connection, byte by byte, in whatever pieces they come."""

    def __init__(self) -> None:
        self._place = _Place.REQUEST_LINE
        self._line = bytearray()
        """The line that is not complete yet."""
        self._head_bytes = 0
        self._extras_bytes = 0
        self._left = 0
        """Bytes of the body or chunk that are still to come."""
        self._minor = b"1"
        self._framing: dict[bytes, bytes] = {}

    def check(self, data: bytes) -> tuple[int, Malformed | None]:
        """Return how many bytes are in order, and what is wrong with what follows; nothing may follow that."""
        position = 0
        try:
            while position < len(data):
                position += self._take(data, position)
        except Malformed as refusal:
            return position, refusal
        return position, None

    def _take(self, data: bytes, position: int) -> int:
        """Take some bytes and return how many."""
        if self._place in {_Place.BODY, _Place.CHUNK_DATA}:
            taken = min(self._left, len(data) - position)
            self._left -= taken
            if self._left == 0:
                self._place = _Place.REQUEST_LINE if self._place is _Place.BODY else _Place.CHUNK_END
            return taken
        end = data.find(b"\n", position)
        piece = data[position : len(data) if end < 0 else end + 1]
        if self._place is _Place.REQUEST_LINE and not self._line and piece[0] < _FIRST_MARK:
            raise _malformed("Its first line is not that of HTTP/1.1 or HTTP/1.0.")
        # Measured before the piece is kept: what does not end is not collected either.
        self._measure(len(piece))
        self._line += piece
        if end >= 0:
            line, self._line = bytes(self._line), bytearray()
            if not line.endswith(_CRLF) or b"\r" in line[:-2]:
                raise _malformed("A line of it does not end in CR LF.")
            self._read(line[:-2])
        return len(piece)

    def _measure(self, count: int) -> None:
        if self._place in {_Place.REQUEST_LINE, _Place.FIELDS}:
            self._head_bytes += count
            if self._head_bytes > HEAD_MAX_BYTES:
                raise _malformed(f"Its head is larger than {HEAD_MAX_BYTES} bytes.")
        elif self._place is _Place.TRAILERS:
            self._extra(count)
        elif len(self._line) + count > _CHUNK_LINE_MAX_BYTES:
            raise _malformed("The line before a chunk is too long.")

    def _read(self, line: bytes) -> None:
        if self._place is _Place.REQUEST_LINE:
            self._begin(line)
        elif self._place is _Place.FIELDS:
            self._field(line) if line else self._end_of_head()
        elif self._place is _Place.CHUNK_SIZE:
            self._chunk(line)
        elif self._place is _Place.CHUNK_END:
            if line:
                raise _malformed("A chunk is longer than its size says.")
            self._place = _Place.CHUNK_SIZE
        elif line:
            _check_field(line)
        else:
            self._next_request()

    def _begin(self, line: bytes) -> None:
        found = _REQUEST_LINE.fullmatch(line)
        if found is None:
            raise _malformed("Its first line is not that of HTTP/1.1 or HTTP/1.0.")
        if not found["target"].startswith(b"/") or b"#" in found["target"]:
            raise _malformed("Its target is not a path; this server is no proxy.")
        self._minor = found["minor"]
        self._framing = {}
        self._place = _Place.FIELDS

    def _field(self, line: bytes) -> None:
        name, value = _check_field(line)
        if name in {b"host", b"content-length", b"transfer-encoding"}:
            if name in self._framing:
                raise _malformed(f"It has several {name.decode()} headers.")
            self._framing[name] = value

    def _end_of_head(self) -> None:
        length, coding = self._framing.get(b"content-length"), self._framing.get(b"transfer-encoding")
        if self._minor == b"1" and b"host" not in self._framing:
            raise _malformed("It has no Host header.")
        if length is not None and coding is not None:
            raise _malformed("It has both Content-Length and Transfer-Encoding.")
        if length is not None and not _LENGTH.fullmatch(length):
            raise _malformed("Its Content-Length is not one number.")
        if coding is not None and (coding.lower() != b"chunked" or self._minor == b"0"):
            raise _malformed("Its Transfer-Encoding is not `chunked` of HTTP/1.1.")
        self._left = int(length or b"0")
        self._extras_bytes = 0
        if coding is not None:
            self._place = _Place.CHUNK_SIZE
        elif self._left:
            self._place = _Place.BODY
        else:
            self._next_request()

    def _chunk(self, line: bytes) -> None:
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise _malformed("The size of a chunk is not a hexadecimal number.")
        self._extra(len(found["extension"] or b""))
        self._left = int(found["size"], base=16)
        self._place = _Place.CHUNK_DATA if self._left else _Place.TRAILERS

    def _extra(self, count: int) -> None:
        self._extras_bytes += count
        if self._extras_bytes > CHUNK_EXTRAS_MAX_BYTES:
            raise _malformed(f"Its chunk extensions and trailers are larger than {CHUNK_EXTRAS_MAX_BYTES} bytes.")

    def _next_request(self) -> None:
        self._head_bytes = 0
        self._place = _Place.REQUEST_LINE


def _check_field(line: bytes) -> tuple[bytes, bytes]:
    if line[:1] in {b" ", b"\t"}:
        raise _malformed("It has a folded header.")
    found = _FIELD.fullmatch(line)
    if found is None:
        raise _malformed("One of its headers has a character that does not belong there.")
    return found["name"].lower(), found["value"]


def _malformed(why: str) -> Malformed:
    return Malformed(
        f"This is not an HTTP request that can be read in one way only. {why}",
        remedy="Send HTTP/1.1 as RFC 9112 has it.",
    )
