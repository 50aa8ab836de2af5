"""The roles' own submissions through the loop's door."""

import pytest

from pipeline.agents.role_submission import submit_tool
from pipeline.agents.roles import ROLES, Role
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.agents.submitting import tool_schema
from pipeline.errors import ModelError


@pytest.mark.parametrize("role", list(Role))
def test_every_role_declares_its_tool_as_it_is_judged(role: Role) -> None:
    tool = submit_tool(role, SubmissionFacts())

    assert tool.definition() == tool_schema(role)
    assert tool.model is ROLES[role].submit.model


def test_what_is_wrong_is_told_in_the_words_of_the_role() -> None:
    tool = submit_tool(Role.REQUEST_PARSER, SubmissionFacts(request_text="Please greet."))

    with pytest.raises(ModelError, match="submit_request was not accepted"):
        tool.judge({"colour": "red"})
