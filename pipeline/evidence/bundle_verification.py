"""Check an evidence bundle without trusting its author: no database, no network, a repository at hand.

Problem: a claim of proof is worth what a stranger can recompute. Choice: read strictly, recompute every hash, the
signature, the commits, the coverage of criteria by scenarios and of scenarios by tests, the approvals, and judge again
from the recorded outcomes and the repository's own sources; whose signature counts is the verifier's word (`signer_trust`).
Invariant: any changed byte fails, each failure is a sentence that says what differs, nothing that could not be checked
counts as checked, and evidence of an unknown signer never counts as evidence that holds.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.errors import misfits
from pipeline.evidence.attestation import NoAttestation, Subject, read_attestation, subjects_of
from pipeline.evidence.bundle import (
    ApprovalRecord,
    EvidenceBundle,
    fingerprint,
    hash_chain,
    release_parts,
    signed_message,
)
from pipeline.evidence.canonical_json import canonical_json, content_hash
from pipeline.evidence.repository_checks import check_repository
from pipeline.evidence.signer_trust import SignerVerdict, Standing, TrustedSigner, judge_signer
from pipeline.ports import CommitReader, SignatureVerifier

BUNDLE_MAX_BYTES = 256 * 1024 * 1024
RELEASE_GATE = "release"


@dataclass(slots=True)
class Checks:
    """What was checked, what failed and what a reader should know, in words."""

    passed: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def record(self, what: str, problems: list[str]) -> None:
        """Add one check: passed when it has no problems."""
        if problems:
            self.failures.extend(problems)
        else:
            self.passed.append(what)


class Verdict(StrEnum):
    """What checking came to."""

    HOLDS = "holds"
    SIGNER_UNKNOWN = "signer_unknown"
    """Everything fits together, and nobody told the verifier to trust who signed it."""
    DOES_NOT_HOLD = "does_not_hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationResult:
    """Whether the evidence holds. `bundle` is None when it could not even be read, `signer` when no signature is right."""

    bundle: EvidenceBundle | None
    signer: SignerVerdict | None
    passed: tuple[str, ...]
    failures: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Holds only when every check was made, none failed, and the signer is trusted."""
        if self.bundle is None or self.signer is None or self.failures:
            return Verdict.DOES_NOT_HOLD
        return Verdict.HOLDS if self.signer.standing is Standing.TRUSTED else Verdict.SIGNER_UNKNOWN

    @property
    def ok(self) -> bool:
        """The evidence holds, and it is of somebody whom the verifier trusts."""
        return self.verdict is Verdict.HOLDS


def verify_bundle(
    data: bytes,
    *,
    open_repository: Callable[[str], CommitReader | None],
    verifier: SignatureVerifier,
    trusted: Sequence[TrustedSigner] | None = None,
) -> VerificationResult:
    """Check a bundle completely.

    Args:
        open_repository: Returns the reader for a repository's name, None when there is no clone to check against.
        trusted: The signers that the verifier named; None when none was named, so that the lists in the clones count
            (`signer_trust`). Raises `CallerError` when such a list cannot be read.
    """
    presented, problem = _read(data, verifier)
    if presented is None:
        return VerificationResult(bundle=None, signer=None, passed=(), failures=(problem,), notes=())
    bundle, checks = presented.bundle, Checks(passed=[presented.form], notes=list(presented.notes))
    checks.record("Every section has its recorded hash.", _chain_problems(bundle))
    wrong = _signature_problems(bundle, presented.message, verifier)
    checks.record("The signature is right.", wrong)
    if presented.subjects is not None:
        checks.record("The statement is about the commits of this evidence.", _subject_problems(presented))
    checks.record("Every criterion is covered by a scenario.", _coverage_problems(bundle))
    checks.record("Approvals bind to this content.", _approval_problems(bundle, checks.notes))
    readers: dict[str, CommitReader] = {}
    for repository in bundle.sections.repositories:
        reader = open_repository(repository.name)
        if reader is None:
            checks.failures.append(f"No clone of {repository.name} was given, so its commits could not be checked.")
            continue
        readers[repository.name] = reader
        check_repository(repository, reader, checks.record, checks.notes)
    signer = None if wrong else judge_signer(bundle.signature.fingerprint, trusted, readers)
    if signer is not None:
        _record_signer(checks, signer, trusted or ())
    return VerificationResult(
        bundle=bundle,
        signer=signer,
        passed=tuple(checks.passed),
        failures=tuple(checks.failures),
        notes=tuple(checks.notes),
    )


def _record_signer(checks: Checks, signer: SignerVerdict, trusted: Sequence[TrustedSigner]) -> None:
    """An unknown signer is neither passed nor failed: only the verifier can say which."""
    if signer.standing is Standing.TRUSTED:
        name = f" ({signer.name})" if signer.name else ""
        checks.passed.append(f"The signer {signer.fingerprint}{name} is trusted by {signer.place}.")
    elif signer.standing is Standing.CONTRADICTED:
        expected = " or ".join(one.fingerprint for one in trusted)
        checks.failures.append(f"It was signed by {signer.fingerprint}, not by the expected installation {expected}.")


def sealed(data: bytes, verifier: SignatureVerifier) -> EvidenceBundle | None:
    """Return a bundle whose hashes and signature are right, whoever signed it; None for anything else."""
    bundle, _ = _read_bundle(data)
    if bundle is None or _chain_problems(bundle) or _signature_problems(bundle, signed_message(bundle.chain), verifier):
        return None
    return bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class _Presented:
    """What a file says, whichever of the two forms it has."""

    bundle: EvidenceBundle
    message: bytes
    """What the signature has to cover."""
    form: str
    subjects: tuple[Subject, ...] | None = None
    notes: tuple[str, ...] = ()


def _read(data: bytes, verifier: SignatureVerifier) -> tuple[_Presented | None, str]:
    if len(data) <= BUNDLE_MAX_BYTES and _is_envelope(data):
        return _read_envelope(data, verifier)
    bundle, problem = _read_bundle(data)
    if bundle is None:
        return None, problem
    message = signed_message(bundle.chain) if bundle.chain else b""
    return _Presented(bundle=bundle, message=message, form="The file is canonical and of a known schema."), ""


def _is_envelope(data: bytes) -> bool:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "payloadType" in value


def _read_envelope(data: bytes, verifier: SignatureVerifier) -> tuple[_Presented | None, str]:
    try:
        attested = read_attestation(data, verifier)
    except NoAttestation as error:
        return None, str(error)
    except ValidationError as error:
        first = misfits(error.errors())[0]
        return None, f"The file is no attestation of evidence of schema 1: {first.place}: {first.msg}."
    except (ValueError, RecursionError) as error:
        return None, f"The file is no attestation of evidence: {type(error).__name__}."
    further = attested.further_signatures
    notes = (f"The envelope has {further} more signatures, which were not checked.",) if further else ()
    return _Presented(
        bundle=attested.bundle, message=attested.message, subjects=attested.subjects, notes=notes,
        form="The envelope holds a canonical statement of a known schema.",
    ), ""  # fmt: skip


def _read_bundle(data: bytes) -> tuple[EvidenceBundle | None, str]:
    if len(data) > BUNDLE_MAX_BYTES:
        return None, f"The file is larger than {BUNDLE_MAX_BYTES} bytes."
    try:
        value = json.loads(data.decode("utf-8"))
        if canonical_json(value) + b"\n" != data:
            return None, "The file is not in canonical form: bytes were changed, added or removed."
        bundle = EvidenceBundle.model_validate_json(data)
    except ValidationError as error:
        first = misfits(error.errors())[0]
        return None, f"The file is no evidence bundle of schema 1: {first.place}: {first.msg}."
    except (ValueError, RecursionError) as error:
        return None, f"The file is not canonical JSON: {type(error).__name__}."
    if canonical_json(bundle.model_dump(mode="json")) + b"\n" != data:
        return None, "The file holds values that the schema does not keep as they are."
    return bundle, ""


def _chain_problems(bundle: EvidenceBundle) -> list[str]:
    computed = hash_chain(bundle.sections.model_dump(mode="json"))
    if [link.section for link in bundle.chain] != [link.section for link in computed]:
        return ["The hash chain does not list the sections in order."]
    problems = [
        f"The section {mine.section!r} was changed: its hash is {mine.sha256[:12]}…, recorded is {theirs.sha256[:12]}…."
        for mine, theirs in zip(computed, bundle.chain, strict=True)
        if mine.sha256 != theirs.sha256
    ]
    if not problems and computed != bundle.chain:
        problems.append("The hash chain was changed: its links do not follow from the sections.")
    return problems


def _signature_problems(bundle: EvidenceBundle, message: bytes, verifier: SignatureVerifier) -> list[str]:
    signature = bundle.signature
    try:
        key = base64.b64decode(signature.public_key, validate=True)
        value = base64.b64decode(signature.value, validate=True)
    except (binascii.Error, ValueError):
        return ["The signature or its key is not base64."]
    exact = {signature.public_key: key, signature.value: value}
    if any(base64.b64encode(raw).decode() != text for text, raw in exact.items()):
        return ["The signature or its key is not canonical base64."]
    if not bundle.chain or not verifier.verify(public_key=key, signature=value, message=message):
        return ["The signature does not fit the content."]
    if fingerprint(key) != signature.fingerprint:
        return [f"The fingerprint of the key is {fingerprint(key)}, recorded is {signature.fingerprint}."]
    return []


def _subject_problems(presented: _Presented) -> list[str]:
    if presented.subjects == subjects_of(presented.bundle.sections):
        return []
    return ["The statement is about other commits than its evidence."]


def _coverage_problems(bundle: EvidenceBundle) -> list[str]:
    covered = {
        criterion
        for repository in bundle.sections.repositories
        for scenario in repository.spec.scenarios
        for criterion in scenario.criteria
    }
    criteria = [criterion.id for criterion in bundle.sections.request.criteria]
    if not criteria:
        return ["The request has no acceptance criterion."]
    return [
        f"The criterion {criterion} is covered by no scenario." for criterion in criteria if criterion not in covered
    ]


def _approval_problems(bundle: EvidenceBundle, notes: list[str]) -> list[str]:
    sections = bundle.sections
    problems = [
        f"The approval of the {approval.gate} gate by {approval.actor} does not bind to what it records."
        for approval in sections.approvals
        if content_hash(approval.parts) != approval.content_hash
    ]
    merged = [repository.name for repository in sections.repositories if repository.commits.merge is not None]
    if not merged:
        notes.append("Nothing was merged yet.")
        return problems
    current = release_parts(sections.request, sections.repositories)
    given = [approval for approval in sections.approvals if approval.gate == RELEASE_GATE and approval.approved]
    if not given:
        problems.append(f"{', '.join(merged)} was merged without an approval of the release gate.")
    elif not any(approval.parts == current or _carried_over(approval, current) for approval in given):
        problems.append(
            "The release approval was given for other content: spec, head or proof differ from this bundle."
        )
    return problems


def _carried_over(approval: ApprovalRecord, current: dict[str, object]) -> bool:
    """The defined exception: an automatic rebase moved the head and the proof was made again; specs are unchanged."""
    if not approval.carried_over:
        return False
    try:
        approved = _Fixed.model_validate(approval.parts)
    except ValidationError:
        return False
    return approved == _Fixed.model_validate(current)


class _FixedRepository(BaseModel):
    spec: Any = None
    base_branch: Any = None


class _Fixed(BaseModel):
    """What a carried over approval still binds to; the head and the proof of a repository are left out."""

    criteria: Any = None
    repositories: dict[str, _FixedRepository]
