"""What each prompt is told about its task: one frozen dataclass per role, nothing merged, nothing implied.

Problem: a dictionary of everything lets a raw ticket reach an agent that writes code. Choice: a prompt receives exactly
the fields of its class, and the type of a field says how far it is trusted: `Untrusted` and `VerifiedSpec` enter
prompts only in their marked form, plain strings are facts that the pipeline itself established. Invariant: the classes
of test writer, code writer and conflict resolver have no field for any form of the request.
"""

from dataclasses import dataclass
from typing import ClassVar

from pipeline.agents.fences import Untrusted, VerifiedSpec
from pipeline.agents.roles import AgentRole


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptVariables:
    """Base of all; `role` ties the variables to their prompt."""

    role: ClassVar[AgentRole]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestParserVariables(PromptVariables):
    """The request as it came."""

    role: ClassVar[AgentRole] = AgentRole.REQUEST_PARSER

    raw_request: Untrusted


@dataclass(frozen=True, slots=True, kw_only=True)
class InputScreenerVariables(PromptVariables):
    """The request as it came."""

    role: ClassVar[AgentRole] = AgentRole.INPUT_SCREENER

    raw_request: Untrusted


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryMapperVariables(PromptVariables):
    """The sorted request and the repositories to choose from."""

    role: ClassVar[AgentRole] = AgentRole.REPOSITORY_MAPPER

    structured_request: Untrusted
    repositories: tuple[Untrusted, ...]
    """One per registered repository: name, description, what it owns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementsAnalystVariables(PromptVariables):
    """The sorted request; the repository itself is read with tools."""

    role: ClassVar[AgentRole] = AgentRole.REQUIREMENTS_ANALYST

    repository: str
    structured_request: Untrusted


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecWriterVariables(PromptVariables):
    """What to specify, and the revision to correct if there is one."""

    role: ClassVar[AgentRole] = AgentRole.SPEC_WRITER

    repository: str
    structured_request: Untrusted
    requirements: Untrusted
    present_spec: Untrusted | None = None
    """The revision that verification sent back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessCheckerVariables(PromptVariables):
    """The criteria and the spec that should cover them."""

    role: ClassVar[AgentRole] = AgentRole.COMPLETENESS_CHECKER

    repository: str
    structured_request: Untrusted
    spec: Untrusted


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyCheckerVariables(PromptVariables):
    """The specs of all repositories side by side."""

    role: ClassVar[AgentRole] = AgentRole.CONSISTENCY_CHECKER

    specs: tuple[Untrusted, ...]
    """One per repository, labelled with its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionCheckerVariables(PromptVariables):
    """The new spec beside what the repository already promises."""

    role: ClassVar[AgentRole] = AgentRole.REGRESSION_CHECKER

    repository: str
    spec: Untrusted
    existing_specs: tuple[Untrusted, ...] = ()
    """The `.feature` files that the base branch holds."""
    not_shown: tuple[str, ...] = ()
    """More of them than fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestWriterVariables(PromptVariables):
    """The verified spec, and nothing of the request."""

    __test__: ClassVar[bool] = False
    role: ClassVar[AgentRole] = AgentRole.TEST_WRITER

    repository: str
    spec: VerifiedSpec
    test_command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeWriterVariables(PromptVariables):
    """The verified spec, and nothing of the request."""

    role: ClassVar[AgentRole] = AgentRole.CODE_WRITER

    repository: str
    spec: VerifiedSpec
    test_command: str
    protected_tests: tuple[str, ...]
    """Paths of the test writer's files."""
    test_notes: Untrusted | None = None
    """What the test writer noted about names and signatures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityReviewerVariables(PromptVariables):
    """The change, what it should do, and all earlier suspicions."""

    role: ClassVar[AgentRole] = AgentRole.SECURITY_REVIEWER

    repository: str
    specs: tuple[VerifiedSpec, ...]
    diff: Untrusted
    structured_request: Untrusted | None
    """None where the tenant excludes the request from review."""
    risk_flags: tuple[Untrusted, ...] = ()
    scope_warnings: tuple[Untrusted, ...] = ()
    not_shown: tuple[str, ...] = ()
    """Files of the diff that were cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReviewerVariables(PromptVariables):
    """The change and how its tests ran."""

    role: ClassVar[AgentRole] = AgentRole.QUALITY_REVIEWER

    repository: str
    spec: VerifiedSpec
    diff: Untrusted
    test_results: Untrusted
    not_shown: tuple[str, ...] = ()
    """Files of the diff that were cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecReviewerVariables(PromptVariables):
    """The change beside each promise it should keep."""

    role: ClassVar[AgentRole] = AgentRole.SPEC_REVIEWER

    repository: str
    specs: tuple[VerifiedSpec, ...]
    """Of all repositories of the change request; this one's first."""
    tests: Untrusted
    """The protected tests: which of them prove which scenario, or their text."""
    diff: Untrusted
    test_results: Untrusted
    not_shown: tuple[str, ...] = ()
    """Files of the diff and of the tests that were cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictResolverVariables(PromptVariables):
    """Our side as the verified spec, theirs as commits and diff; nothing of the request."""

    role: ClassVar[AgentRole] = AgentRole.CONFLICT_RESOLVER

    repository: str
    spec: VerifiedSpec
    test_command: str
    conflicts: tuple[str, ...]
    their_commits: Untrusted
    their_diff: Untrusted


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncAnalystVariables(PromptVariables):
    """A person's work and the spec it may have outgrown."""

    role: ClassVar[AgentRole] = AgentRole.SYNC_ANALYST

    repository: str
    criteria: Untrusted
    present_spec: Untrusted
    commits: Untrusted
    diff: Untrusted
    test_results: Untrusted
    not_shown: tuple[str, ...] = ()
    """Files of the diff that were cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrospectiveVariables(PromptVariables):
    """What happened in a finished run."""

    role: ClassVar[AgentRole] = AgentRole.RETROSPECTIVE

    repositories: tuple[str, ...]
    history: Untrusted
    """The run's loops, pauses and interventions, one a line."""
    outcome: str = "completed"
    findings: Untrusted | None = None
    """What checks and reviewers reported, where the history does not hold it already."""


VARIABLES: tuple[type[PromptVariables], ...] = (
    RequestParserVariables,
    InputScreenerVariables,
    RepositoryMapperVariables,
    RequirementsAnalystVariables,
    SpecWriterVariables,
    CompletenessCheckerVariables,
    ConsistencyCheckerVariables,
    RegressionCheckerVariables,
    TestWriterVariables,
    CodeWriterVariables,
    SecurityReviewerVariables,
    QualityReviewerVariables,
    SpecReviewerVariables,
    ConflictResolverVariables,
    SyncAnalystVariables,
    RetrospectiveVariables,
)
"""One per role, in the order of the line."""
