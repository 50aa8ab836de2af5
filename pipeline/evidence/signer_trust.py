"""Whether the signer of evidence is one that the verifier was told to trust.

Problem: a signature shows that nothing changed since *somebody* signed, and anybody can change a bundle and sign it again with
a key of their own. Choice: trust comes from the verifier alone: fingerprints and trust files that they name, else the list
`.changeline/trusted-signers` of their own clone. What is named replaces the list, because who pins a key means that key.
The list is read at the tip of the default branch as the clone knows it, and not at the base commit of the bundle: the base
is the bundle's own word, and whoever can bring some commit into a clone, by a pushed branch or a pull request, could point
to one that lists their key. The tip moves by what was merged only, and forgets a key that was taken off. Of several
repositories each has to list the signer, since whoever owns one does not speak for the others.
Invariant: nothing that the bundle says decides where trust is read; a list that cannot be read is refused, never skipped.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.errors import CallerError
from pipeline.evidence.bundle import fingerprint
from pipeline.ports import CommitReader

TRUST_FILE = ".changeline/trusted-signers"
TRUST_FILE_MAX_BYTES = 1024**2
_PREFIX = "SHA256:"
_KEY_BYTES = 32
_COMMENT = re.compile(r"(^|\s)#.*$")
_SHORT = 12


class Standing(StrEnum):
    """What the verifier's trust says of a signer."""

    TRUSTED = "trusted"
    UNKNOWN = "unknown"
    CONTRADICTED = "contradicted"
    """Another signer was asked for by its fingerprint."""


class TrustedBy(StrEnum):
    """Who told the verifier."""

    FINGERPRINT = "fingerprint"
    TRUST_FILE = "trust_file"
    REPOSITORY = "repository"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedSigner:
    """One line of a trust file, or one fingerprint that was named."""

    fingerprint: str
    source: TrustedBy
    place: str
    """Where it is written."""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerVerdict:
    """Who signed, and why that counts or does not. The other fields are empty unless it is trusted."""

    fingerprint: str
    standing: Standing
    trusted_by: TrustedBy | None = None
    place: str = ""
    name: str = ""


def named(fingerprint_text: str) -> TrustedSigner:
    """Return what `--fingerprint` names. Raises `CallerError` for what is no fingerprint."""
    if _fingerprint_in(fingerprint_text) is None:
        raise CallerError(
            f"{fingerprint_text!r} is no fingerprint of a key.", field="--fingerprint",
            remedy="Give it as the installation shows it: SHA256: and 43 characters.",
        )  # fmt: skip
    return TrustedSigner(fingerprint=fingerprint_text, source=TrustedBy.FINGERPRINT, place="--fingerprint")


def signers_in(content: bytes, *, place: str, source: TrustedBy = TrustedBy.TRUST_FILE) -> tuple[TrustedSigner, ...]:
    """Read a trust file: a fingerprint or a public key in base64 on each line, then a name; `#` begins a comment.

    Raises `CallerError` for any other line: a list of which a part is not understood is no list.
    """
    if len(content) > TRUST_FILE_MAX_BYTES:
        raise _unreadable(place, f"it is larger than {TRUST_FILE_MAX_BYTES} bytes")
    found = []
    for number, raw in enumerate(content.splitlines(), start=1):
        try:
            line = _COMMENT.sub("", raw.decode("utf-8")).strip()
        except UnicodeDecodeError as error:
            raise _unreadable(place, f"line {number} is not UTF-8") from error
        if not line:
            continue
        key, *rest = line.split(maxsplit=1)
        signer = _fingerprint_in(key) or _fingerprint_of(key)
        if signer is None:
            raise _unreadable(place, f"line {number} begins with neither a fingerprint nor a public key")
        found.append(TrustedSigner(fingerprint=signer, source=source, place=place, name=rest[0] if rest else ""))
    return tuple(found)


def judge_signer(
    signer: str, told: Sequence[TrustedSigner] | None, repositories: Mapping[str, CommitReader]
) -> SignerVerdict:
    """Say how a signer stands.

    Args:
        signer: The fingerprint of the key by which the signature was found right.
        told: What the verifier named; None when nothing was named, so that the lists of `repositories` count.
        repositories: The clones of all repositories in the bundle, by name.
    """
    if told is None:
        return _by_repositories(signer, repositories)
    for one in told:
        if one.fingerprint == signer:
            return _trusted(one)
    pinned = any(one.source is TrustedBy.FINGERPRINT for one in told)
    return SignerVerdict(fingerprint=signer, standing=Standing.CONTRADICTED if pinned else Standing.UNKNOWN)


def _by_repositories(signer: str, repositories: Mapping[str, CommitReader]) -> SignerVerdict:
    agreed = []
    for name, reader in sorted(repositories.items()):
        listing = next((one for one in _listed(name, reader) if one.fingerprint == signer), None)
        if listing is None:
            return SignerVerdict(fingerprint=signer, standing=Standing.UNKNOWN)
        agreed.append(listing)
    return _trusted(agreed[0]) if agreed else SignerVerdict(fingerprint=signer, standing=Standing.UNKNOWN)


def _listed(name: str, reader: CommitReader) -> tuple[TrustedSigner, ...]:
    branch = reader.default_branch()
    if branch is None:
        return ()
    content = reader.read(branch.sha, [TRUST_FILE]).get(TRUST_FILE)
    if content is None:
        return ()
    place = f"{TRUST_FILE} of {name} on {branch.name} at {branch.sha[:_SHORT]}"
    return signers_in(content, place=place, source=TrustedBy.REPOSITORY)


def _trusted(one: TrustedSigner) -> SignerVerdict:
    return SignerVerdict(
        fingerprint=one.fingerprint, standing=Standing.TRUSTED, trusted_by=one.source, place=one.place, name=one.name
    )


def _fingerprint_in(text: str) -> str | None:
    raw = _decoded(f"{text.removeprefix(_PREFIX)}=") if text.startswith(_PREFIX) else None
    return text if raw is not None and len(raw) == _KEY_BYTES else None


def _fingerprint_of(text: str) -> str | None:
    raw = _decoded(text)
    return fingerprint(raw) if raw is not None and len(raw) == _KEY_BYTES else None


def _decoded(text: str) -> bytes | None:
    """Decode base64 that has only one spelling."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == text else None


def _unreadable(place: str, why: str) -> CallerError:
    return CallerError(
        f"{place} cannot be used: {why}.", field="trusted signers",
        remedy="Each line is a fingerprint (SHA256:…) or a public key in base64, then a name; # begins a comment.",
    )  # fmt: skip
