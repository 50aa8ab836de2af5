"""Whether a recorded conversation can be taken up by this version of the code.

Problem: after an upgrade a record may name tools, or hold a submission, that no longer exist; going on with it would fail
at every resume. Choice: it is looked at once, when it is loaded; what does not fit begins anew, because paying for one
conversation again is better than a run that nobody can move.
"""

import json
from collections.abc import Sequence

from pydantic import BaseModel, TypeAdapter, ValidationError

from pipeline.agents.conversation import Conversation
from pipeline.agents.task import AgentTask, S
from pipeline.agents.tools import tool_definitions


class _Tool(BaseModel):
    name: str


_TOOLS = TypeAdapter(list[_Tool])


def misfit(talk: Conversation, task: AgentTask[S]) -> str | None:
    """Return why `task` cannot go on in `talk`, in words for people; None when it can, also when nothing was said yet."""
    if talk.fixed is None:
        return None
    if talk.fixed.opened.submit != task.submit.name:
        return f"it would hand in by {talk.fixed.opened.submit}, which is {task.submit.name} now"
    known = _names(tool_definitions(task.toolset)) | {task.submit.name}
    gone = sorted(_names(talk.fixed.tools) - known)
    if gone:
        return f"its tools are gone ({', '.join(gone)})"
    if talk.submission is not None:
        try:
            task.submit.model.model_validate_json(json.dumps(talk.submission))
        except ValidationError:
            return "what it handed in is not accepted any more"
    return None


def _names(tools: Sequence[object]) -> set[str]:
    return {tool.name for tool in _TOOLS.validate_python(list(tools))}
