"""Turning a model's submission into a validated value, or into words that help the model mend it."""

import json

from pydantic import BaseModel, ValidationError

from pipeline.agents.task import S, SubmitTool
from pipeline.errors import ModelError

ERRORS_SHOWN = 12


def parsed(submit: SubmitTool[S], given: object) -> S:
    """Return the submission. Raises `ModelError` that lists what is wrong, field by field."""
    if submit.judge is not None:
        return submit.judge(given)
    try:
        return submit.model.model_validate_json(json.dumps(given))
    except ValidationError as error:
        raise ModelError(
            f"The submission is invalid:\n{_worded(error)}\nCorrect it and call {submit.name} again."
        ) from error


def stored(submission: BaseModel) -> dict[str, object]:
    """Return a submission as the journal keeps it."""
    body: dict[str, object] = submission.model_dump(mode="json")
    return body


def _worded(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False)
    lines = [
        f"- {'.'.join(str(part) for part in problem['loc']) or '(whole input)'}: {problem['msg']}"
        f" (given: {json.dumps(problem['input'], default=str)[:120]})"
        for problem in problems[:ERRORS_SHOWN]
    ]
    if len(problems) > ERRORS_SHOWN:
        lines.append(f"- and {len(problems) - ERRORS_SHOWN} more")
    return "\n".join(lines)
