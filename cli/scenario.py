"""Scenario files of the scripted model: strict reading, and matching a request to a turn.

Problem: a scenario with a typo plays the wrong part silently. Choice: every key is known, errors name the line and the
field, and a request that no script answers is an error that names its role and turn. Matching is stateless: the turn is
the number of assistant messages in the request, the first script that fits wins.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

ROLE_LINE = "Role: "


class ScenarioError(Exception):
    """The scenario file is wrong; the message names file, line and field."""


class NoScript(Exception):
    """No script answers this request; the message names role and turn."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""In C where the wheel brings it: ten times as fast."""

Needles = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolUse(_Part):
    """One tool call of a turn."""

    name: str = Field(min_length=1)
    input: Any = Field(default_factory=dict)


class Fault(_Part):
    """What goes wrong before a turn is played properly."""

    status: int | None = Field(None, ge=400, le=599)
    retry_after_s: float | None = Field(None, ge=0)
    stream: Literal["truncate", "drop", "malformed", "garbage_input"] | None = None
    """`truncate` ends the stream cleanly but early, `drop` breaks the connection, `malformed` sends a chunk that is no
    JSON, `garbage_input` sends tool input that is no JSON."""
    stall_s: float = Field(0.0, ge=0)
    """Silence after half of the stream."""
    times: int = Field(1, ge=1)
    """How often the same request fails; then the turn is played."""

    @model_validator(mode="after")
    def _does_something(self) -> "Fault":
        if self.status is None and self.stream is None and self.stall_s == 0:
            raise ValueError("a fault needs one of status, stream, stall_s")
        return self


class Turn(_Part):
    """One answer of the model."""

    text: str = ""
    tools: tuple[ToolUse, ...] = ()
    stop_reason: Literal["end_turn", "tool_use", "max_tokens", "refusal", "pause_turn", "stop_sequence"] | None = None
    """None: `tool_use` if there are tools, else `end_turn`."""
    delay_ms: int = Field(0, ge=0)
    fault: Fault | None = None

    @property
    def ending(self) -> str:
        """The stop reason that is sent."""
        return self.stop_reason or ("tool_use" if self.tools else "end_turn")


class When(_Part):
    """Texts that must, or must not, occur in the messages of a request."""

    contains: Needles = ()
    not_contains: Needles = ()

    def holds(self, text: str) -> bool:
        """Whether a request with this text fits."""
        return all(needle in text for needle in self.contains) and not any(
            needle in text for needle in self.not_contains
        )


class Script(_Part):
    """The turns of one role, for the requests that fit `when`."""

    role: str = Field(min_length=1)
    when: When = When()
    repeat: bool = False
    """Play the turns again from the start when they are used up."""
    turns: tuple[Turn, ...] = Field(min_length=1)


class Scenario(_Part):
    """Everything the scripted model knows."""

    name: str = Field(min_length=1)
    description: str = ""
    model_delay_ms: int = Field(0, ge=0)
    """Pacing of every answer, for people who watch."""
    scripts: tuple[Script, ...] = Field(min_length=1)

    def turn_for(self, request: dict[str, Any]) -> tuple[str, int, Turn]:
        """Return (name of the place in the scenario, turn number, turn) for a request. Raises `NoScript`."""
        role, number = role_of(request), turn_number(request)
        text = text_of(request.get("messages", []))
        for index, script in enumerate(self.scripts):
            if script.role != role or not script.when.holds(text):
                continue
            if number >= len(script.turns) and not script.repeat:
                raise NoScript(
                    f"Scenario {self.name!r}, script {index + 1} (role {role!r}) has {len(script.turns)} turns, "
                    f"but turn {number + 1} was asked for. {_last_words(request)}"
                )
            return f"{index}/{number}", number, script.turns[number % len(script.turns)]
        raise NoScript(
            f"Scenario {self.name!r} has no script for role {role!r} at turn {number + 1}. {_last_words(request)}"
        )


def load_scenario(path: Path) -> Scenario:
    """Read a YAML or JSON scenario. Raises `ScenarioError` that names line and field."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror or error}") from error
    return parse_scenario(text, str(path))


def parse_scenario(text: str, name: str) -> Scenario:
    """Read a scenario from text; JSON is YAML. Raises `ScenarioError`."""
    try:
        tree = yaml.compose(text, Loader=_LOADER)
        raw = yaml.load(text, Loader=_LOADER)  # noqa: S506 - one of the two safe ones
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise ScenarioError(f"{where}: {getattr(error, 'problem', None) or error}") from error
    try:
        return Scenario.model_validate(raw)
    except ValidationError as error:
        lines = [
            f"{name}:{_line(tree, problem['loc'])}: {_field(problem['loc'])}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise ScenarioError("\n".join(lines)) from error


def role_of(request: dict[str, Any]) -> str:
    """Return the role named in the first line of the system prompt, or an empty text."""
    system = request.get("system") or ""
    first = system if isinstance(system, str) else "".join(block.get("text", "") for block in system[:1])
    line = first.split("\n", 1)[0].strip()
    return line.removeprefix(ROLE_LINE).strip() if line.startswith(ROLE_LINE) else ""


def turn_number(request: dict[str, Any]) -> int:
    """Return how many answers the conversation already has."""
    return sum(1 for message in request.get("messages", []) if message.get("role") == "assistant")


def text_of(value: Any) -> str:
    """Return every text inside a JSON value, joined by newlines, without JSON's escapes."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(text_of(item) for item in value.values())
    if isinstance(value, list):
        return "\n".join(text_of(item) for item in value)
    return "" if value is None else json.dumps(value)


def _last_words(request: dict[str, Any]) -> str:
    text = text_of(request.get("messages", [])[-1:])
    return f"The newest message ends: {text[-300:]!r}"


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in location) or "(whole file)"


def _line(node: Any, location: tuple[int | str, ...]) -> int:
    line = node.start_mark.line + 1 if node is not None else 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if part not in pairs:
                break
            key, node = pairs[part]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return int(line)
