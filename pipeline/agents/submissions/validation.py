"""From a role's submission model to its tool, and from what the model sent to a checked value.

Problem: two schemas for one thing drift, prompt caches miss when a key moves, and a validation error that a model
cannot read costs a loop. Choice: the tool's JSON Schema is the pydantic model's own, flattened into the plain dialect
every provider accepts (one object, no references, no nulls, no generated titles) in field order; errors are told with
the path, the problem and the remedy. Invariant: nothing is accepted without the facts its role is judged by.
"""

from collections.abc import Mapping, Sequence
from functools import cache

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipeline.agents.roles import ROLES, AgentRole
from pipeline.agents.submissions.fields import Submission, SubmissionFacts
from pipeline.errors import InvariantBroken, ModelError
from pipeline.ports import Json

_ERRORS_SHOWN_MAX = 15


@cache
def tool_schema(role: AgentRole) -> Json:
    """Return the submit tool of `role` as the Messages API takes it; the same bytes in every process. Not to be changed."""
    submit = ROLES[role].submit
    return {"name": submit.name, "description": submit.description, "input_schema": input_schema(role)}


@cache
def input_schema(role: AgentRole) -> Json:
    """Return the schema of what `role` hands in. Not to be changed."""
    schema = ROLES[role].submit.model.model_json_schema()
    flat = _flatten(schema, schema.get("$defs", {}))
    flat.pop("description", None)
    return flat


def validate_submission(role: AgentRole, data: object, facts: SubmissionFacts) -> Submission:
    """Return what `role` handed in, checked against the facts; raises `ModelError` that says all that is wrong."""
    submit = ROLES[role].submit
    absent = [name for name in submit.needs if getattr(facts, name) is None]
    if absent:
        raise InvariantBroken(f"A submission of {role} cannot be judged without its facts.", role=role, absent=absent)
    try:
        return submit.model.model_validate(data, context=facts)
    except ValidationError as error:
        problems = _explain(error)
        raise ModelError(
            f"{submit.name} was not accepted. Correct this and call it again with the complete input:\n"
            + "\n".join(f"- {problem}" for problem in problems),
            tool=submit.name,
            problems=problems,
        ) from error


def _explain(error: ValidationError) -> list[str]:
    details = _without_echoes(error.errors(include_url=False, include_context=False))
    lines = [f"{_path(detail['loc'])}: {_remedy(detail)}" for detail in details[:_ERRORS_SHOWN_MAX]]
    hidden = len(details) - len(lines)
    return [*lines, f"and {hidden} more of this kind"] if hidden > 0 else lines


def _without_echoes(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Drop "too short" of an array whose items were refused: the items' own errors say what to do."""
    refused = {detail["loc"][:-depth] for detail in details for depth in range(1, len(detail["loc"]))}
    return [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in refused]


def _path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".") or "input"


def _remedy(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "extra_forbidden":
            return "there is no such field; remove it"
        case "missing":
            return "this field is required"
        case "tuple_type" if isinstance(detail["input"], str):
            return "send a JSON array, not a string that contains one"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "send a JSON object with the fields of the schema"
        case "string_pattern_mismatch" | "enum":
            return f"{detail['msg']}; you sent {str(detail['input'])[:60]!r}"
        case _:
            return str(detail["msg"]).removeprefix("Value error, ").replace("Tuple should", "Array should")


def _flatten(node: Json, definitions: Mapping[str, Json]) -> Json:
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
        return _flatten({**target, **{key: value for key, value in node.items() if key != "$ref"}}, definitions)
    if "anyOf" in node:
        kept = [option for option in node["anyOf"] if option.get("type") != "null"]
        if len(kept) == 1:
            return _flatten({**kept[0], **{key: value for key, value in node.items() if key != "anyOf"}}, definitions)
    flat: Json = {}
    for key, value in node.items():
        if key in {"title", "$defs", "default"}:
            continue
        if key == "properties":
            flat[key] = {name: _flatten(schema, definitions) for name, schema in value.items()}
        elif key == "items":
            flat[key] = _flatten(value, definitions)
        else:
            flat[key] = value
    return flat
