"""What git's complaint about a remote means, in our own words.

Problem: git's standard error mixes its own sentences with whatever the far side says, and an answer that repeats it hands a
foreign server's words to callers and reads the network for them. Choice: complaints are sorted by kind, each kind has its
sentence, and the raw text reaches the server's log alone, marked as untrusted. Invariant: no error made here holds a word
of the far side.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

import structlog

from pipeline.adapters.git.runner import Output

_log = structlog.get_logger(__name__)
_LOGGED_MAX = 500


class Kind(StrEnum):
    """Why a remote could not be read."""

    DENIED = "denied"
    HOST_KEY = "host_key"
    MOVED = "moved"
    NOT_FOUND = "not_found"
    NAME_UNKNOWN = "name_unknown"
    TIMED_OUT = "timed_out"
    TLS = "tls"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Wording:
    """One kind in words: what is the matter, what to do. `person` tells that only a person can mend it."""

    problem: str
    remedy: str
    person: bool = False


WORDINGS = {
    Kind.DENIED: Wording(
        "The git remote refuses access.", "Give this machine's account a key for it", person=True
    ),
    Kind.HOST_KEY: Wording(
        "The host key of the git remote is not known, or changed.",
        "Check it, and add it to the known hosts of this machine's account", person=True,
    ),
    Kind.MOVED: Wording(
        "The git remote redirects elsewhere.", "Find out the repository's new address and register that", person=True
    ),
    Kind.NOT_FOUND: Wording(
        "There is no git repository at this address, or this machine's account may not see it.",
        "Check the address and the access, and name the repository's top directory",
    ),
    Kind.NAME_UNKNOWN: Wording("The name of the git remote cannot be resolved.", "Check the name and the network"),
    Kind.TIMED_OUT: Wording("The git remote did not answer in time.", "Check the network and the remote itself"),
    Kind.TLS: Wording(
        "No trusted encrypted connection to the git remote came about.",
        "Check its certificate, and which authorities this machine trusts",
    ),
    Kind.UNREACHABLE: Wording("The git remote cannot be reached.", "Check the address, the network and the remote itself"),
    Kind.REFUSED: Wording("The git remote refuses to serve this repository.", "Ask whoever runs it"),
    Kind.OTHER: Wording(
        "The git remote does not answer as a git repository does.", "Check the address, the network and the remote itself"
    ),
}  # fmt: skip

_DENIED = r"could not read (Username|Password)|Authentication failed|Permission denied \(|HTTP Basic: Access denied"
_ABSENT = r"does not appear to be a git repository|not a git repository|not valid: is this a git repository"
_AWAY = (
    r"Connection refused|Failed to connect|Couldn't connect|unreachable|No route to host|Connection reset|Empty reply"
)
_SIGNS = (
    (Kind.MOVED, r"returned error: 3\d\d|unable to update url base from redirection"),
    (Kind.HOST_KEY, r"Host key verification failed"),
    (Kind.DENIED, rf"{_DENIED}|returned error: 40[13]"),
    (Kind.NOT_FOUND, rf"^fatal: repository '.*' not found$|returned error: (404|410)|{_ABSENT}"),
    (Kind.NAME_UNKNOWN, r"Could not resolve host"),
    (Kind.TIMED_OUT, r"timed out|Timeout was reached|Operation too slow"),
    (Kind.TLS, r"SSL|TLS|certificate|gnutls"),
    (Kind.UNREACHABLE, rf"{_AWAY}|returned error: 5\d\d"),
)  # fmt: skip
_BY_KIND = tuple((kind, re.compile(sign, re.IGNORECASE | re.MULTILINE)) for kind, sign in _SIGNS)
_SAID_BY_IT = ("remote:", "fatal: remote error:")


def kind_of(output: Output) -> Kind | None:
    """Return why a command failed at the remote; None when it did not fail."""
    if output.code == 0:
        return None
    own = own_words(output)
    found = next((kind for kind, sign in _BY_KIND if sign.search(own)), None)
    if found is None:
        return Kind.REFUSED if "fatal: remote error:" in output.complaint else Kind.OTHER
    return found


def own_words(output: Output) -> str:
    """Return the lines that git, ssh or libcurl wrote here, as far as that can be told. To be searched, never shown."""
    lines = re.split(r"[\r\n]", output.stderr.decode("utf-8", "replace"))
    return "\n".join(line for line in lines if not line.startswith(_SAID_BY_IT))


def far_words(output: Output) -> str:
    """Return the lines of the far side's programs, such as its hooks; to be shown as untrusted text, or not at all."""
    lines = re.split(r"[\r\n]", output.stderr.decode("utf-8", "replace"))
    return "\n".join(line.removeprefix("remote:") for line in lines if line.startswith("remote:"))


def log(remote: str, output: Output) -> None:
    """Keep the raw words for whoever runs the server."""
    said = "".join(mark if mark.isprintable() else " " for mark in output.complaint)[-_LOGGED_MAX:]
    _log.info("git_remote_failed", remote=remote, exit_code=output.code, untrusted_words=said)
