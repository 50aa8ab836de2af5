"""From a prompt file and a role's variables to the texts of a request.

Problem: prompts that are concatenated at run time change from call to call, miss the cache and hide what a model was
told. Choice: one Markdown file per role with front matter that names its variables; what stands before the line
`<!-- opening -->` is the system prompt, taken literally and therefore byte-identical in every run, what follows is the
template of the first message. Invariant: a prompt's declared variables, its used variables and the fields of its
dataclass are the same set, checked whenever a prompt is loaded; the file's SHA-256 goes into the record of each call.
"""

import hashlib
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template, TemplateError, meta
from pydantic import BaseModel

from pipeline.agents.fences import Untrusted, VerifiedSpec, fact
from pipeline.agents.loop_context import LoopContext
from pipeline.agents.prompt_variables import VARIABLES, PromptVariables
from pipeline.agents.roles import ROLES, AgentRole
from pipeline.errors import InvariantBroken

_OPENING_MARK = "\n<!-- opening -->\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFile:
    """One prompt as it lies in the package."""

    role: AgentRole
    variables: tuple[str, ...]
    system: str
    opening: str
    """Template of the first message."""
    sha256: str
    """Of the file's bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedPrompt:
    """The texts of one conversation's beginning, from the most to the least stable."""

    system: str
    """Layer 1: the role. The same bytes in every run."""
    context: str
    """Layer 2: the repository. The same bytes within one run; empty for roles without a repository."""
    opening: str
    """Layers 3 and 4: the task, then what loops and people add."""
    prompt_hash: str


def warm() -> None:
    """Read, check and compile every prompt now, so that processes forked later need not."""
    for role in AgentRole:
        _opening(role)


def render(variables: PromptVariables, *, context: str = "", loop: LoopContext | None = None) -> RenderedPrompt:
    """Render the prompt that belongs to the variables' role."""
    prompt = load_prompt(variables.role)
    values = {one.name: _shown(getattr(variables, one.name)) for one in fields(variables)}
    task = _opening(variables.role).render(values).strip()
    addition = loop.render() if loop else ""
    return RenderedPrompt(
        system=prompt.system,
        context=context,
        opening=f"{task}\n\n{addition}" if addition else task,
        prompt_hash=prompt.sha256,
    )


@cache
def load_prompt(role: AgentRole) -> PromptFile:
    """Read and check one prompt file."""
    path = ROLES[role].prompt_path
    return read_prompt(role, files("prompts").joinpath(path).read_bytes())


@cache
def _opening(role: AgentRole) -> Template:
    return _environment().from_string(load_prompt(role).opening)


def read_prompt(role: AgentRole, content: bytes) -> PromptFile:
    """Parse the bytes of a prompt file; raises `InvariantBroken` when it breaks its contract."""
    header, body = _front_matter(role, content.decode())
    system, mark, opening = body.partition(_OPENING_MARK)
    declared = tuple(name.strip() for name in header.variables.split(",") if name.strip())
    prompt = PromptFile(
        role=role,
        variables=declared,
        system=system.strip() + "\n",
        opening=opening.strip() + "\n",
        sha256=hashlib.sha256(content).hexdigest(),
    )
    if not mark or header.role != role or prompt.system.partition("\n")[0] != f"Role: {role}":
        raise InvariantBroken(
            f"The prompt of {role} needs its role in front matter and first line, and an opening.", role=role
        )
    _check_variables(prompt)
    return prompt


class _Header(BaseModel):
    role: str = ""
    variables: str = ""


def _front_matter(role: AgentRole, text: str) -> tuple[_Header, str]:
    before, *rest = text.split("---\n", 2)
    if before or len(rest) != 2:  # noqa: PLR2004 - a header and a body
        raise InvariantBroken(f"The prompt of {role} does not begin with front matter.", role=role)
    header, body = rest
    pairs = (line.partition(":") for line in header.splitlines())
    return _Header.model_validate({key.strip(): value.strip() for key, _, value in pairs}), body


def _check_variables(prompt: PromptFile) -> None:
    try:
        used = meta.find_undeclared_variables(_environment().parse(prompt.opening))
    except TemplateError as error:
        raise InvariantBroken(f"The opening of {prompt.role} is not a template: {error}", role=prompt.role) from error
    offered = {one.name for one in fields(_variables_class(prompt.role))}
    if not used == offered == set(prompt.variables):
        raise InvariantBroken(
            f"The prompt of {prompt.role} does not use exactly its variables.",
            role=prompt.role,
            used=sorted(used),
            declared=sorted(prompt.variables),
            offered=sorted(offered),
        )


def _variables_class(role: AgentRole) -> type[PromptVariables]:
    return next(one for one in VARIABLES if one.role is role)


def _shown(value: object) -> str | list[str] | None:
    """Templates receive strings only, so that nothing can reach an unmarked text through an attribute."""
    match value:
        case None:
            return None
        case tuple():
            return [shown for item in value if isinstance(shown := _shown(item), str)]
        case str():
            return fact(value)
        case Untrusted() | VerifiedSpec():
            return str(value)
        case _:
            raise InvariantBroken("A prompt variable has a type without a marked form.", type=type(value).__name__)


@cache
def _environment() -> Environment:
    return Environment(
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - prompts are plain text; fences do the marking
        trim_blocks=True,
        lstrip_blocks=True,
    )
