"""The roles' own submissions through the loop's door."""

import pytest

from pipeline.agents.roles import ROLES, AgentRole
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.agents.submissions.tool import submit_tool
from pipeline.agents.submissions.validation import tool_schema
from pipeline.errors import ModelError


@pytest.mark.parametrize("role", list(AgentRole))
def test_every_role_declares_its_tool_as_it_is_judged(role: AgentRole) -> None:
    tool = submit_tool(role, SubmissionFacts())

    assert tool.definition() == tool_schema(role)
    assert tool.model is ROLES[role].submit.model


def test_what_is_wrong_is_told_in_the_words_of_the_role() -> None:
    tool = submit_tool(AgentRole.REQUEST_PARSER, SubmissionFacts(request_text="Please greet."))

    with pytest.raises(ModelError, match="submit_request was not accepted"):
        tool.judge({"colour": "red"})
