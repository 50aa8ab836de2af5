"""The evidence of one change request: everything that was asked, promised, proven and decided, in one signed file.

Problem: "the tests passed" in a database convinces nobody outside it, and a report that anyone can edit proves nothing.
Choice: pydantic models with a schema version, canonical JSON, a hash chain over the sections, and the installation's
Ed25519 signature over its end; verdicts are stored beside the raw outcomes they were judged from, so that anyone can
judge again (`bundle_verification`). Invariant: building is deterministic, the same inputs give the same bytes, and
nothing in here is a secret or a float.
"""

import base64
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from pipeline.agents.submissions.work import OldTestDecision
from pipeline.evidence.canonical_json import canonical_json, canonical_sha256
from pipeline.evidence.rules_record import Record, RulesRecord
from pipeline.findings import Finding, RiskFlag
from pipeline.ports import Signer
from pipeline.proof.baseline import SuiteComparison
from pipeline.proof.green import ProofVerdict
from pipeline.proof.inverted import InvertedVerdict
from pipeline.proof.mutated import MutatedVerdict
from pipeline.proof.neutral.verdict import NeutralVerdict
from pipeline.proof.red_green import RedVerdict
from pipeline.proof.reverted import RevertedVerdict
from pipeline.proof.test_reports import TestReport
from pipeline.specs.behaviour import ScenarioKind

SCHEMA_VERSION: Literal[1] = 1
FORMAT: Literal["changeline-evidence"] = "changeline-evidence"


class SubjectRecord(Record):
    """Whose evidence this is."""

    cr_id: str
    attempt: int
    title: str
    source: str
    external_url: str | None = None
    requested_by: str
    requested_at: str
    """ISO 8601 in UTC, as every time in the bundle."""
    product_version: str
    models_are_scripted: bool = False
    """True when a scripted model stood in for a real one."""


class CriterionRecord(Record):
    """One acceptance criterion."""

    id: str
    text: str


class RequestRecord(Record):
    """What was asked, raw and structured."""

    body: str
    structured: dict[str, Any]
    criteria: tuple[CriterionRecord, ...]


class CommitRecord(Record):
    """A commit as git stores it."""

    sha: str
    tree: str
    parents: tuple[str, ...]


class CommitsRecord(Record):
    """The commits of one repository. After a rebase these are the rebased ones."""

    base: CommitRecord
    tests: CommitRecord
    """The base plus the test writer's files."""
    head: CommitRecord
    merge: CommitRecord | None = None
    """What the target branch moved to; None before the release."""
    merge_strategy: str = "merge"
    superseded: tuple[CommitRecord, ...] = ()
    """Commits that runs below name and that a rebase replaced; a repository need not hold them any more."""


class ScenarioRecord(Record):
    """One scenario and the tests that prove it."""

    id: str
    kind: ScenarioKind
    title: str
    criteria: tuple[str, ...]
    tests: tuple[str, ...]
    """References: a test file, `file::name` or a full id."""


class SpecRecord(Record):
    """The verified behaviour spec."""

    revision: int
    feature: str
    """The text of the `.feature` file."""
    scenarios: tuple[ScenarioRecord, ...]


class RunRecord(Record):
    """One test run of the pipeline and the commit whose clean checkout it ran in."""

    commit: str
    report: TestReport

    @model_serializer(mode="wrap")
    def _as_it_was_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what older files do not have: their bytes, and so their hashes, stay as they were."""
        content: dict[str, Any] = write(self)
        if not self.report.notes:
            del content["report"]["notes"]
        return content


class WitnessRecord(Record):
    """Raw outcomes first, then the verdicts that were judged from them."""

    rules: RulesRecord
    change_files: tuple[str, ...]
    preserve_files: tuple[str, ...]
    retired_files: tuple[str, ...] = ()
    red: RunRecord
    """The change tests on base plus tests."""
    preserve_base: RunRecord | None = None
    change: RunRecord
    """The change tests on the head."""
    preserve: RunRecord | None = None
    suite_base: RunRecord
    suite_base_again: RunRecord | None = None
    suite_head: RunRecord
    suite_head_again: RunRecord | None = None
    """What failed on the head and not on the base, run again there; the best of up to two runs."""
    inverted: RunRecord | None = None
    """The change tests on the head with a failure at the end of each; absent where none could be planted."""
    reverted: RunRecord | None = None
    """The change tests on the head without the change; absent where the red run saw that tree."""
    red_verdict: RedVerdict
    preserve_verdict: ProofVerdict
    suite_verdict: SuiteComparison
    green_verdict: ProofVerdict
    inverted_verdict: InvertedVerdict | None = None
    """Absent in files of older versions, as are the next."""
    neutral_verdict: NeutralVerdict | None = None
    """Absent too where a setting asks for none."""
    reverted_verdict: RevertedVerdict | None = None
    mutated_verdict: MutatedVerdict | None = None
    """Absent too where a setting asks for none."""

    @model_serializer(mode="wrap")
    def _as_it_was_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what older files do not have: their bytes, and so their hashes, stay as they were."""
        content: dict[str, Any] = write(self)
        for name in (
            "inverted",
            "reverted",
            "inverted_verdict",
            "neutral_verdict",
            "reverted_verdict",
            "mutated_verdict",
        ):
            if content[name] is None:
                del content[name]
        return content


class RebuildRecord(Record):
    """A dependency environment that was built for this change."""

    manifest_hash: str
    why: str
    log_sha256: str


class OldTestRecord(Record):
    """A test of the base that the tests commit rewrites or removes, and the scenario that says otherwise than it did."""

    path: str
    name: str
    """Empty where no single test of the file could be told."""
    decision: OldTestDecision
    scenario: str
    why: str = ""


class RepositoryEvidence(Record):
    """Everything about one repository."""

    name: str
    remote: str
    base_branch: str
    branch: str
    spec: SpecRecord
    commits: CommitsRecord
    witness: WitnessRecord
    rebuilds: tuple[RebuildRecord, ...] = ()
    old_tests: tuple[OldTestRecord, ...] | None = None
    """Absent in files of older versions, which do not say it."""

    @model_serializer(mode="wrap")
    def _as_it_was_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what older files do not have: their bytes, and so their hashes, stay as they were."""
        content: dict[str, Any] = write(self)
        if self.old_tests is None:
            del content["old_tests"]
        return content


class InspectionRecord(Record):
    """What somebody looked at before judging, counted from the journal."""

    turns: int
    files: tuple[str, ...]
    """Files of the judged commit that were opened, by path; the first of many."""
    files_opened: int
    commands: int
    calls: int
    """Tool calls, commands included."""
    failed: int
    """How many of the calls failed."""


class ReviewRecord(Record):
    """What a reviewer, checker or check said in the last round."""

    repository: str
    """Empty where all repositories were judged together."""
    reviewer: str
    verdict: str
    summary: str = ""
    findings: tuple[Finding, ...] = ()
    inspection: InspectionRecord | None = None
    """Absent in files of older versions, and where no agent judged."""

    @model_serializer(mode="wrap")
    def _as_it_was_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what older files do not have: their bytes, and so their hashes, stay as they were."""
        content: dict[str, Any] = write(self)
        if self.inspection is None:
            content.pop("inspection", None)
        return content


class RoleRecord(Record):
    """What one agent role used; money as decimal strings of US dollars."""

    role: str
    prompt_sha256: str
    models: tuple[str, ...]
    calls: int
    input_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    output_tokens: int
    cost_usd: str
    estimated: bool = False


class SkipRecord(Record):
    """A stage that a person skipped; never a witness, a suite, a scan, a gate or a merge check."""

    stage: str
    actor: str
    at: str
    reason: str = ""


class ApprovalRecord(Record):
    """A person's decision, bound to what was shown."""

    gate: str
    approved: bool
    actor: str
    at: str
    comment: str = ""
    content_hash: str
    parts: dict[str, Any]
    """What was hashed (for the release gate: `release_parts`)."""
    carried_over: bool = False
    """True when an automatic rebase with green tests moved the head after the decision."""


class Sections(Record):
    """The content, in the order of the hash chain."""

    subject: SubjectRecord
    request: RequestRecord
    screening: tuple[RiskFlag, ...] = ()
    repositories: tuple[RepositoryEvidence, ...] = Field(min_length=1)
    reviews: tuple[ReviewRecord, ...] = ()
    roles: tuple[RoleRecord, ...] = ()
    skipped: tuple[SkipRecord, ...] = ()
    approvals: tuple[ApprovalRecord, ...] = ()


class Link(Record):
    """One step of the hash chain."""

    section: str
    sha256: str
    """Of the section's canonical bytes."""
    chained: str
    """Of the previous step, the section's name and its hash."""


class Signature(Record):
    """The installation's signature over the end of the chain."""

    algorithm: Literal["ed25519"] = "ed25519"
    public_key: str
    """Base64 of the raw key."""
    fingerprint: str
    value: str
    """Base64 of the signature."""


class EvidenceBundle(Record):
    """The whole file."""

    format: Literal["changeline-evidence"] = FORMAT
    schema_version: Literal[1] = SCHEMA_VERSION
    sections: Sections
    chain: tuple[Link, ...]
    signature: Signature


def build_bundle(sections: Sections, signer: Signer) -> bytes:
    """Return the signed file: canonical JSON and a newline. Raises ValueError when a section holds a float."""
    content = sections.model_dump(mode="json")
    chain = hash_chain(content)
    key = signer.public_key
    signature = Signature(
        public_key=base64.b64encode(key).decode(),
        fingerprint=fingerprint(key),
        value=base64.b64encode(signer.sign(signed_message(chain))).decode(),
    )
    bundle = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "sections": content,
        "chain": [link.model_dump(mode="json") for link in chain],
        "signature": signature.model_dump(mode="json"),
    }
    return canonical_json(bundle) + b"\n"


def release_parts(request: RequestRecord, repositories: Sequence[RepositoryEvidence]) -> dict[str, Any]:
    """Return what a release approval binds to: criteria, and per repository spec, head and proof. Hash with `content_hash`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "criteria": [criterion.model_dump(mode="json") for criterion in request.criteria],
        "repositories": {
            repository.name: {
                "base_branch": repository.base_branch,
                "spec": canonical_sha256(repository.spec.model_dump(mode="json")),
                "head": repository.commits.head.sha,
                "witness": canonical_sha256(repository.witness.model_dump(mode="json")),
            }
            for repository in repositories
        },
    }


def hash_chain(content: Mapping[str, Any]) -> tuple[Link, ...]:
    """Chain the sections' hashes in the order of `Sections`."""
    links: list[Link] = []
    previous = sha256(f"{FORMAT}:{SCHEMA_VERSION}".encode()).hexdigest()
    for name in Sections.model_fields:
        digest = canonical_sha256(content[name])
        previous = sha256(f"{previous}:{name}:{digest}".encode()).hexdigest()
        links.append(Link(section=name, sha256=digest, chained=previous))
    return tuple(links)


def signed_message(chain: Sequence[Link]) -> bytes:
    """Return the bytes that are signed; the prefix keeps a signature from meaning anything elsewhere."""
    return f"{FORMAT} {SCHEMA_VERSION} {chain[-1].chained}\n".encode()


def fingerprint(public_key: bytes) -> str:
    """Name a key as people compare it."""
    return f"SHA256:{base64.b64encode(sha256(public_key).digest()).decode().rstrip('=')}"
