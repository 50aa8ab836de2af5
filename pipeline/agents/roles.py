"""The roles of the line: who does what, with which tools, and what it hands in.

Problem: what an agent may see and do, spread over stages, cannot be audited. Choice: one frozen definition per role in
one table, read by the loop, the prompts, the settings and the control room. Invariant: only the two roles that judge
the raw request see it; whoever writes code works from the verified spec.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from pipeline.agents.submissions.closing import Learnings, Sync
from pipeline.agents.submissions.fields import Submission
from pipeline.agents.submissions.intake import Repositories, Screening, StructuredRequest
from pipeline.agents.submissions.reviews import Review, SpecReview
from pipeline.agents.submissions.specs import Check, Requirements, Spec
from pipeline.agents.submissions.work import Code, Resolution, Tests
from pipeline.agents.toolsets import ToolSet
from pipeline.change_request import Stage
from pipeline.ports import ModelClass


class AgentRole(StrEnum):
    """Who an agent is. The value is the first line of its prompt and a key of journal, ledger and settings."""

    REQUEST_PARSER = "request_parser"
    INPUT_SCREENER = "input_screener"
    REPOSITORY_MAPPER = "repository_mapper"
    REQUIREMENTS_ANALYST = "requirements_analyst"
    SPEC_WRITER = "spec_writer"
    COMPLETENESS_CHECKER = "completeness_checker"
    CONSISTENCY_CHECKER = "consistency_checker"
    REGRESSION_CHECKER = "regression_checker"
    TEST_WRITER = "test_writer"
    CODE_WRITER = "code_writer"
    SECURITY_REVIEWER = "security_reviewer"
    QUALITY_REVIEWER = "quality_reviewer"
    SPEC_REVIEWER = "spec_reviewer"
    CONFLICT_RESOLVER = "conflict_resolver"
    SYNC_ANALYST = "sync_analyst"
    RETROSPECTIVE = "retrospective"


CODE_WRITING_ROLES = frozenset({AgentRole.TEST_WRITER, AgentRole.CODE_WRITER, AgentRole.CONFLICT_RESOLVER})
"""Roles behind the spec firewall: no form of the request ever reaches them."""


JUDGES = frozenset(
    {
        AgentRole.COMPLETENESS_CHECKER,
        AgentRole.CONSISTENCY_CHECKER,
        AgentRole.REGRESSION_CHECKER,
        AgentRole.SECURITY_REVIEWER,
        AgentRole.QUALITY_REVIEWER,
        AgentRole.SPEC_REVIEWER,
    }
)
"""Roles that hand in a verdict on somebody's work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitDeclaration:
    """The one tool by which a role hands in its result and ends."""

    name: str
    description: str
    model: type[Submission]
    needs: tuple[str, ...] = ()
    """The fields of `SubmissionFacts` without which this result must not be judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleDefinition:
    """Everything the product fixes about one role."""

    role: AgentRole
    purpose: str
    """One line for people."""
    stage: Stage | None
    """Where it works; None for a role outside the line's stages."""
    model_class: ModelClass
    toolset: ToolSet
    submit: SubmitDeclaration
    prompt_path: str
    """Within the `prompts` package."""
    sees_raw_request: bool = False


_REQUEST = SubmitDeclaration(
    name="submit_request",
    description="Hand in the structured change request. Ends your work.",
    model=StructuredRequest,
)
_SCREENING = SubmitDeclaration(
    name="submit_screening",
    description="Hand in every suspicious passage of the request, or none. Ends your work.",
    model=Screening,
    needs=("request_text",),
)
_REPOSITORIES = SubmitDeclaration(
    name="submit_repositories",
    description="Hand in the repositories that have to change. Ends your work.",
    model=Repositories,
    needs=("repositories", "criteria"),
)
_REQUIREMENTS = SubmitDeclaration(
    name="submit_requirements",
    description="Hand in the requirements of this repository. Ends your work.",
    model=Requirements,
    needs=("criteria",),
)
_SPEC = SubmitDeclaration(
    name="submit_spec",
    description="Hand in the complete behaviour spec of this repository, every scenario included. Ends your work.",
    model=Spec,
    needs=("criteria",),
)
_CHECK = SubmitDeclaration(
    name="submit_check",
    description="Hand in your verdict on the specs. Ends your work.",
    model=Check,
    needs=("criteria", "scenarios"),
)
_TESTS = SubmitDeclaration(
    name="submit_tests",
    description="Hand in the test files you wrote. The pipeline then runs them on the unchanged code. Ends your work.",
    model=Tests,
    needs=("scenarios",),
)
_CODE = SubmitDeclaration(
    name="submit_code",
    description="Hand in the implementation. The pipeline then runs the protected tests and the full suite itself. "
    "Ends your work.",
    model=Code,
    needs=("scenarios",),
)
_REVIEW_DESCRIPTION = "Hand in your verdict and findings on the change. Ends your work."
_REVIEW = SubmitDeclaration(name="submit_review", description=_REVIEW_DESCRIPTION, model=Review)
_SPEC_REVIEW = SubmitDeclaration(
    name="submit_review", description=_REVIEW_DESCRIPTION, model=SpecReview, needs=("scenarios",)
)
_RESOLUTION = SubmitDeclaration(
    name="submit_resolution",
    description="Hand in how the conflicts ended, resolved or not. The pipeline then runs the full suite. "
    "Ends your work.",
    model=Resolution,
    needs=("conflicts",),
)
_SYNC = SubmitDeclaration(
    name="submit_sync",
    description="Hand in what the person changed and the spec that follows from it. Ends your work.",
    model=Sync,
    needs=("criteria",),
)
_LEARNINGS = SubmitDeclaration(
    name="submit_learnings",
    description="Hand in what this run taught about its repositories, or nothing. Ends your work.",
    model=Learnings,
    needs=("repositories",),
)


def _define(
    role: AgentRole,
    stage: Stage | None,
    submit: SubmitDeclaration,
    purpose: str,
    *,
    model: ModelClass = ModelClass.DEFAULT,
    tools: ToolSet = ToolSet.READ_ONLY,
    folder: str | None = None,
    raw: bool = False,
) -> tuple[AgentRole, RoleDefinition]:
    return role, RoleDefinition(
        role=role,
        purpose=purpose,
        stage=stage,
        model_class=model,
        toolset=tools,
        submit=submit,
        prompt_path=f"{folder or stage}/{role}.md",
        sees_raw_request=raw,
    )


ROLES: Mapping[AgentRole, RoleDefinition] = MappingProxyType(
    dict(
        (
            _define(
                AgentRole.REQUEST_PARSER,
                Stage.INTAKE,
                _REQUEST,
                "Sorts a request into title, acceptance criteria, constraints and open questions.",
                model=ModelClass.CHEAP,
                tools=ToolSet.NONE,
                raw=True,
            ),
            _define(
                AgentRole.INPUT_SCREENER,
                Stage.SCREENING,
                _SCREENING,
                "Looks for passages that try to steer agents or weaken the software.",
                tools=ToolSet.NONE,
                raw=True,
            ),
            _define(
                AgentRole.REPOSITORY_MAPPER,
                Stage.REPOSITORY_IDENTIFICATION,
                _REPOSITORIES,
                "Suggests which repositories a request concerns.",
                tools=ToolSet.NONE,
            ),
            _define(
                AgentRole.REQUIREMENTS_ANALYST,
                Stage.TRANSLATION,
                _REQUIREMENTS,
                "Turns acceptance criteria into precise requirements and edge cases of one repository.",
            ),
            _define(
                AgentRole.SPEC_WRITER,
                Stage.TRANSLATION,
                _SPEC,
                "Writes the behaviour of one repository as scenarios, each traced to a criterion.",
                model=ModelClass.PREMIUM,
            ),
            _define(
                AgentRole.COMPLETENESS_CHECKER,
                Stage.VERIFICATION,
                _CHECK,
                "Checks that the scenarios cover every criterion and nothing else.",
            ),
            _define(
                AgentRole.CONSISTENCY_CHECKER,
                Stage.VERIFICATION,
                _CHECK,
                "Checks that the scenarios of all repositories agree with each other.",
                tools=ToolSet.NONE,
            ),
            _define(
                AgentRole.REGRESSION_CHECKER,
                Stage.VERIFICATION,
                _CHECK,
                "Checks the scenarios against what the software does today.",
            ),
            _define(
                AgentRole.TEST_WRITER,
                Stage.DEVELOPMENT,
                _TESTS,
                "Writes the tests that prove the scenarios, before there is any code.",
                tools=ToolSet.EDIT,
            ),
            _define(
                AgentRole.CODE_WRITER,
                Stage.DEVELOPMENT,
                _CODE,
                "Writes the smallest code that makes the tests pass.",
                tools=ToolSet.EDIT,
            ),
            _define(
                AgentRole.SECURITY_REVIEWER,
                Stage.REVIEW,
                _REVIEW,
                "Reads the change as an attacker would, trusting nobody.",
                model=ModelClass.PREMIUM,
            ),
            _define(
                AgentRole.QUALITY_REVIEWER,
                Stage.REVIEW,
                _REVIEW,
                "Looks for defects, broken conventions and needless complexity in the change.",
            ),
            _define(
                AgentRole.SPEC_REVIEWER,
                Stage.REVIEW,
                _SPEC_REVIEW,
                "Checks scenario by scenario that the change does what was promised and no more.",
            ),
            _define(
                AgentRole.CONFLICT_RESOLVER,
                Stage.REBASE,
                _RESOLUTION,
                "Resolves merge conflicts so that both sides keep their intent.",
                model=ModelClass.PREMIUM,
                tools=ToolSet.EDIT,
            ),
            _define(
                AgentRole.SYNC_ANALYST,
                None,
                _SYNC,
                "Brings the specs in line with what a person changed by hand.",
                folder="sync",
            ),
            _define(
                AgentRole.RETROSPECTIVE,
                Stage.RETROSPECTIVE,
                _LEARNINGS,
                "Notes what a finished run taught about its repositories.",
                model=ModelClass.CHEAP,
                tools=ToolSet.NONE,
            ),
        )
    )
)
"""All roles, in the order of the line."""
