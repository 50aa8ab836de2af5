"""The forms in which kept evidence is handed out.

Problem: an envelope for the tools of others needs a signature of its own, and whoever signs what lies in a database vouches for
what somebody put there. Choice: only what one of our keys signed is signed again, after that signature was checked.
Invariant: no content is ever signed for being asked for.
"""

from enum import StrEnum

from pipeline.errors import Conflict
from pipeline.evidence.attestation import build_attestation
from pipeline.evidence.bundle import fingerprint
from pipeline.evidence.bundle_verification import sealed
from pipeline.ports import KeyStore, SignatureVerifier


class EvidenceFormat(StrEnum):
    """How evidence is written."""

    BUNDLE = "bundle"
    """As it was signed and kept, byte for byte."""
    DSSE = "dsse"
    """An in-toto statement in a DSSE envelope, signed by the key that signs now."""


def as_attestation(content: bytes, keys: KeyStore, verifier: SignatureVerifier) -> bytes:
    """Return a kept bundle as a signed envelope. Blocks. Raises `Conflict` when no key of ours signed the bundle."""
    bundle = sealed(content, verifier)
    ours = {fingerprint(key) for key in keys.public_keys().values()}
    if bundle is None or bundle.signature.fingerprint not in ours:
        raise Conflict(
            "The kept evidence was not signed by a key of this installation, so it is not signed again.", field="format",
            remedy="Take the bundle as it is, and restore the keys that belong to this database.",
        )  # fmt: skip
    return build_attestation(bundle.sections, keys.current())
