"""What a gate shows: everything that its decision is about, as one model from the stage to the browser.

Problem: what a person approves was a dictionary that three readers rebuilt each in its own way, and what one of them did
not know was not shown. Choice: one model per kind of gate; the API, the command line and the generated types of the
dashboard are this model. Invariants: `binding` is what a decision's hash is taken of, byte for byte as when the gate was
opened; a row of an earlier version can be read, so fields are only added, with defaults.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.findings import Risk


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_serialization_defaults_required=True)


class ShownCriterion(_Shown):
    """An acceptance criterion."""

    id: str
    text: str


class ShownRisk(_Shown):
    """A passage of the request that screening flagged."""

    risk: Risk
    pattern: str
    quote: str


class ShownScenario(_Shown):
    """A scenario of the behaviour spec, and the criteria that it is about."""

    id: str
    kind: str
    title: str
    criteria: tuple[str, ...] = ()


class ShownFile(_Shown):
    """A changed file. `status` is git's letter; lines are 0 for binary files."""

    path: str
    status: str
    added: int
    removed: int


class ShownOldTest(_Shown):
    """An old test that the change rewrites or removes, and the scenario that says otherwise than it did."""

    path: str
    name: str
    """Empty where the file changed as a whole."""
    decision: Literal["rewritten", "retired"]
    scenario: str
    why: str = ""


class OthersCommit(_Shown):
    """A commit of somebody else that moved the base branch."""

    commit: str
    subject: str


class MovedBase(_Shown):
    """One move of a base branch, and what the rebase made of the change. Commits are full SHAs."""

    attempt: int
    base_branch: str
    base_before: str
    base: str
    head_before: str
    head: str
    clean: bool
    """Whether it went without conflicts; then an approval that was given before holds."""
    proven: bool
    """Whether everything was proven again on the new base; what was not went back to development."""
    commits: tuple[OthersCommit, ...]
    """What moved it, newest first."""
    more_commits: bool


class ShownChange(_Shown):
    """The change in one repository, and what speaks for it."""

    base_branch: str
    base: str
    head: str
    tests: str = ""
    merge_strategy: str = ""
    spec_revision: int = 0
    spec_hash: str = ""
    scenarios: tuple[ShownScenario, ...] = ()
    files: tuple[ShownFile, ...] = ()
    old_tests: tuple[ShownOldTest, ...] = ()
    left_out: tuple[str, ...] = ()
    """Files that agents' trees had and the change has not, each with why."""
    suite: str = ""
    """How the full suite of the head went, in words; empty if it is not recorded."""
    inverted: str = ""
    """What came of a failure planted at the end of each new test, in words; empty if it is not recorded."""
    neutral: str = ""
    """How the new tests went without their runner, in words; empty if they were not called so."""
    reverted: str = ""
    """How the new tests went with the change taken out again, in words; empty if it is not recorded."""
    mutated: str = ""
    """How many small wrong versions of the change the new tests noticed, in words; empty if none were tried."""
    pre_existing_failures: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    """What is open, one a line."""
    resolved_findings: int = 0
    rebases: tuple[MovedBase, ...] = ()


class VoidApproval(_Shown):
    """An approval that does not count any more: what was approved is not what is shown."""

    gate_id: str
    content_hash: str
    decided_by: str
    decided_at: datetime


class ReleaseContent(_Shown):
    """The evidence for a release, and the `parts` that an approval binds to."""

    kind: Literal["release"] = "release"
    change_request: str = ""
    title: str = ""
    summary: str = ""
    criteria: tuple[ShownCriterion, ...] = ()
    risk_flags: tuple[ShownRisk, ...] = ()
    skipped: tuple[str, ...] = ()
    """What a person skipped, and who."""
    request_changes: tuple[str, ...] = ()
    """Who changed the text of the request on the way."""
    repositories: Mapping[str, ShownChange] = {}
    cost_usd: str = ""
    scripted: bool = False
    void_approval: VoidApproval | None = None
    parts: Mapping[str, JsonValue] = {}

    @property
    def binding(self) -> Mapping[str, JsonValue]:
        """What the hash is taken of: not the cost, which goes on."""
        return self.parts


class SpecContent(_Shown):
    """The behaviour specs, as features, by repository."""

    kind: Literal["spec"] = "spec"
    title: str = ""
    specs: Mapping[str, str] = {}

    @property
    def binding(self) -> Mapping[str, JsonValue]:
        """What the hash is taken of."""
        return {"title": self.title, "specs": dict(self.specs)}


GateContent = Annotated[ReleaseContent | SpecContent, Field(discriminator="kind")]
