"""The address of a git repository, taken apart once, before anything else sees it.

Problem: an address is a string from a person. It can hold a password, name a program to run, or be read differently by
whoever judges it and whoever connects. Choice: one parser with an allow-list of forms; what it does not fully understand is
refused. Invariant: an address holds no secret, and host, port and path are what every program reads out of it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from urllib.parse import unquote

from pipeline.errors import CallerError


class Transport(StrEnum):
    """How a repository is reached."""

    LOCAL = "local"
    HTTP = "http"
    HTTPS = "https"
    SSH = "ssh"


_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/]*)(?P<path>/.*)?")
_HOST = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9._-]*)"
_USER = r"(?P<user>[A-Za-z0-9_][A-Za-z0-9_.+@%-]*)@"
_AUTHORITY = re.compile(rf"(?:{_USER})?{_HOST}(?::(?P<port>[0-9]{{1,5}}))?")
_SCP_LIKE = re.compile(rf"(?:{_USER})?{_HOST}:(?P<path>[^:].*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FORMS = "Give an absolute path, https://host/path, ssh://user@host/path or user@host:path."


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAddress:
    """Where a repository is. `text` is what is stored, compared and shown."""

    text: str
    transport: Transport
    path: str
    """Of a repository on this machine an absolute path; otherwise as the far side understands it."""
    user: str = ""
    host: str = ""
    """As written, which may still be an alias of ssh's configuration."""
    port: int | None = None
    """None where the address leaves it to the transport."""

    @property
    def is_local(self) -> bool:
        """Whether it is a path on this machine."""
        return self.transport is Transport.LOCAL

    @classmethod
    def parse(cls, written: str, field: str = "remote") -> "RemoteAddress":
        """Take an address apart; raises `CallerError` on `field` for anything that is not plainly one."""
        if not written or written.startswith("-") or _CONTROL.search(written):
            raise CallerError("This is not the address of a git repository.", field=field, remedy=_FORMS)
        if written.startswith("/"):
            return _local(written)
        if "://" in written:
            return _url(written, field)
        found = _SCP_LIKE.fullmatch(written)
        if found is None:
            raise CallerError(
                "This is neither an absolute path nor a URL that git can reach.", field=field,
                remedy=f"{_FORMS} Or name a registered repository.",
            )  # fmt: skip
        user, host, path = found.group("user", "host", "path")
        return cls(text=written, transport=Transport.SSH, user=user or "", host=host, path=path)


def local_path_of(stored: str) -> str | None:
    """Return the path of a stored address of this machine; None for others, and for what older versions accepted."""
    try:
        address = RemoteAddress.parse(stored)
    except CallerError:
        return None
    return address.path if address.is_local else None


def _local(path: str) -> RemoteAddress:
    plain = "/" + str(PurePosixPath(path)).lstrip("/")
    return RemoteAddress(text=plain, transport=Transport.LOCAL, path=plain)


def _url(written: str, field: str) -> RemoteAddress:
    found = _URL.fullmatch(written)
    scheme, authority, place = found.group("scheme", "authority", "path") if found else ("", "", None)
    scheme, path = scheme.lower(), place or "/"
    if scheme == "file" and authority in {"", "localhost"} and not _CONTROL.search(unquote(path)):
        return _local(unquote(path))
    if scheme not in {Transport.HTTP, Transport.HTTPS, Transport.SSH}:
        shown = "git://" if scheme == "git" else f"{scheme[:20]!r}"
        why = ", which is neither encrypted nor authenticated," if scheme == "git" else ""
        raise CallerError(f"Git remotes by {shown}{why} are not allowed.", field=field, remedy=_FORMS)
    parts = _AUTHORITY.fullmatch(authority)
    if _holds_a_secret(authority, scheme):
        raise CallerError(
            "The address holds a user name or a password, and addresses are stored and shown.", field=field,
            remedy="Remove it from the address; use SSH with an agent or key instead.",
        )  # fmt: skip
    if parts is None or (scheme != Transport.SSH and set(path) & set("?#\\")):
        raise CallerError("This URL is not plainly the address of a git repository.", field=field, remedy=_FORMS)
    user, host, port = parts.group("user", "host", "port")
    return RemoteAddress(
        text=written, transport=Transport(scheme), path=path, user=user or "", host=host,
        port=None if port is None else int(port),
    )  # fmt: skip


def _holds_a_secret(authority: str, scheme: str) -> bool:
    user, at, _ = authority.rpartition("@")
    return bool(at) and (scheme != Transport.SSH or ":" in user)
