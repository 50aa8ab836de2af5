"""A role's submit tool as the loop wants it, judged with the facts that the pipeline knows."""

from functools import partial

from pipeline.agents.grounds import ungrounded
from pipeline.agents.roles import JUDGES, ROLES, AgentRole
from pipeline.agents.submissions.fields import Submission, SubmissionFacts
from pipeline.agents.submissions.validation import input_schema, validate_submission
from pipeline.agents.task import SubmitTool
from pipeline.agents.toolsets import ToolSet


def submit_tool(role: AgentRole, facts: SubmissionFacts) -> SubmitTool[Submission]:
    """Return the tool that ends a conversation of `role`."""
    submit = ROLES[role].submit
    return SubmitTool(
        name=submit.name,
        description=submit.description,
        model=submit.model,
        schema=input_schema(role),
        declares=lambda submission: submission.declared_paths,
        judge=lambda given: validate_submission(role, given, facts),
        ungrounded=partial(ungrounded, facts.cuts, role in JUDGES)
        if ROLES[role].toolset is ToolSet.READ_ONLY
        else None,
    )
