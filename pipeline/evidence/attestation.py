"""Evidence as an in-toto statement in a DSSE envelope, so that the tools of others can carry and check it.

Problem: registries, policy engines and transparency logs know attestations, and not our file. Choice: Statement v1 about the
merged commits (the heads before a merge), whose predicate is the content of the bundle with the key that vouches for it, in an envelope
as DSSE 1.0.2 has it. Invariant: everything that is read comes out of the bytes that the signature covers; what the
envelope says beside them, such as `keyid`, is a hint and decides nothing.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.evidence.bundle import (
    FORMAT,
    SCHEMA_VERSION,
    EvidenceBundle,
    Link,
    Sections,
    Signature,
    fingerprint,
    hash_chain,
)
from pipeline.evidence.canonical_json import canonical_json
from pipeline.evidence.rules_record import Record
from pipeline.ports import SignatureVerifier, Signer

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Literal["urn:changeline:evidence:v1"] = "urn:changeline:evidence:v1"


class NoAttestation(ValueError):
    """The envelope cannot be read; the message is a sentence."""


class GitDigest(Record):
    """A commit as in-toto names it."""

    git_commit: Annotated[str, Field(alias="gitCommit")]


class Subject(Record):
    """What the statement is about: one repository's merged commit, or its head where nothing was merged."""

    name: str
    digest: GitDigest


class SignerRecord(Record):
    """The key that vouches for the content."""

    algorithm: Literal["ed25519"] = "ed25519"
    public_key: str
    """Base64 of the raw key."""
    fingerprint: str


class Predicate(Record):
    """The content of a bundle."""

    format: Literal["changeline-evidence"] = FORMAT
    schema_version: Literal[1] = SCHEMA_VERSION
    sections: Sections
    chain: tuple[Link, ...]
    signer: SignerRecord


class Statement(Record):
    """An in-toto Statement v1."""

    statement_type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: tuple[Subject, ...]
    predicate_type: Annotated[Literal["urn:changeline:evidence:v1"], Field(alias="predicateType")]
    predicate: Predicate


class EnvelopeSignature(BaseModel):
    """One signature. Other fields are ignored, as DSSE demands."""

    model_config = ConfigDict(frozen=True)

    keyid: str = ""
    sig: str


class Envelope(BaseModel):
    """A DSSE envelope. Other fields are ignored, as DSSE demands."""

    model_config = ConfigDict(frozen=True)

    payload: str
    payload_type: Annotated[str, Field(alias="payloadType")]
    signatures: Annotated[tuple[EnvelopeSignature, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """What an envelope says, in the form of a bundle; its signature covers `message`."""

    bundle: EvidenceBundle
    message: bytes
    subjects: tuple[Subject, ...]
    further_signatures: int


def build_attestation(sections: Sections, signer: Signer) -> bytes:
    """Return the signed envelope: canonical JSON and a newline. Raises ValueError when a section holds a float."""
    key = signer.public_key
    named = SignerRecord(public_key=base64.b64encode(key).decode(), fingerprint=fingerprint(key))
    statement = Statement.model_validate(
        {
            "_type": STATEMENT_TYPE,
            "subject": subjects_of(sections),
            "predicateType": PREDICATE_TYPE,
            "predicate": Predicate(sections=sections, chain=hash_chain(sections.model_dump(mode="json")), signer=named),
        }
    )
    payload = canonical_json(statement.model_dump(mode="json", by_alias=True))
    signature = base64.b64encode(signer.sign(pre_authentication(PAYLOAD_TYPE, payload))).decode()
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": named.fingerprint, "sig": signature}],
    }
    return canonical_json(envelope) + b"\n"


def read_attestation(data: bytes, verifier: SignatureVerifier) -> Attested:
    """Return what an envelope says; of several signatures the one by the key that the content names.

    Raises `NoAttestation`, or pydantic's `ValidationError` for other fields than those of the schema. Whether the signature is
    right is the caller's to check.
    """
    envelope = Envelope.model_validate_json(data)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise NoAttestation(f"The file is an envelope of another type than {PAYLOAD_TYPE}.")
    payload = _decoded(envelope.payload)
    statement = Statement.model_validate_json(payload)
    if canonical_json(statement.model_dump(mode="json", by_alias=True)) != payload:
        raise NoAttestation("The file holds a statement that is not in canonical form.")
    message = pre_authentication(envelope.payload_type, payload)
    predicate = statement.predicate
    key = _decoded(predicate.signer.public_key)
    values = [_decoded(one.sig) for one in envelope.signatures]
    right = (value for value in values if verifier.verify(public_key=key, signature=value, message=message))
    signature = Signature(
        public_key=predicate.signer.public_key,
        fingerprint=predicate.signer.fingerprint,
        value=base64.b64encode(next(right, values[0])).decode(),
    )
    bundle = EvidenceBundle(sections=predicate.sections, chain=predicate.chain, signature=signature)
    return Attested(bundle=bundle, message=message, subjects=statement.subject, further_signatures=len(values) - 1)


def subjects_of(sections: Sections) -> tuple[Subject, ...]:
    """Return the commits that the evidence is about."""
    return tuple(
        Subject(
            name=one.name, digest=GitDigest.model_validate({"gitCommit": (one.commits.merge or one.commits.head).sha})
        )
        for one in sections.repositories
    )


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """Return what DSSE signs (PAE): type and payload with their lengths, so that neither can pass for the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _decoded(text: str) -> bytes:
    """Decode base64 in the standard or the URL-safe alphabet; DSSE allows both."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoAttestation("The file holds a payload, key or signature that is not base64.") from error
