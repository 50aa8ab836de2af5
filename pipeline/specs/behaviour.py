"""The behaviour spec of one repository: scenarios in Gherkin, each a promise that tests can prove.

Problem: a spec kept as free text can hide scenarios, comments or instructions that no check ever counted. Choice: the
official Gherkin parser reads every spec, a small closed form is accepted (one feature, tagged scenarios, steps, tables,
doc strings, examples; no comments, rules or backgrounds), and text is always rendered from what was parsed. Invariant:
`parse_feature(render_feature(x)) == x`, so the approver, the agents and the tests read the same scenarios.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from gherkin.errors import CompositeParserException, ParserError
from gherkin.parser import Parser
from gherkin.parser_types import DataTable, DocString, Examples, Feature, Step
from gherkin.parser_types import Scenario as ParsedScenario

from pipeline.errors import ModelError

SCENARIO_ID = re.compile(r"S[1-9][0-9]{0,2}")
CRITERION_ID = re.compile(r"AC[1-9][0-9]{0,2}")
_KEYWORDS = {"Given", "When", "Then", "And", "But", "*"}


class ScenarioKind(StrEnum):
    """Whether a scenario describes what becomes different or what must stay as it is."""

    CHANGE = "change"
    PRESERVE = "preserve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One promise. `steps` is canonical: as `canonical_steps` returns it."""

    id: str
    kind: ScenarioKind
    criteria: tuple[str, ...]
    title: str
    steps: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """All scenarios of one repository for one change request."""

    feature: str
    scenarios: tuple[Scenario, ...]

    @property
    def kinds(self) -> dict[str, ScenarioKind]:
        """Scenario id to kind, in order."""
        return {scenario.id: scenario.kind for scenario in self.scenarios}


class InvalidBehaviour(ModelError):
    """The text is not a behaviour spec; the message says where and what to do instead."""


def render_feature(behaviour: Behaviour) -> str:
    """Return the text of the `.feature` file, ending in a newline."""
    blocks = [f"Feature: {behaviour.feature}"]
    for scenario in behaviour.scenarios:
        tags = " ".join(f"@{tag}" for tag in (scenario.kind, scenario.id, *scenario.criteria))
        blocks.append(f"  {tags}\n  Scenario: {scenario.title}\n{_indented(scenario.steps, 4)}")
    return "\n\n".join(blocks) + "\n"


def parse_feature(text: str) -> Behaviour:
    """Read a `.feature` text; raises `InvalidBehaviour` for anything but the closed form."""
    feature = _parse(text)
    if feature["description"].strip():
        raise InvalidBehaviour("Remove the free text below 'Feature:'; only scenarios count.")
    scenarios = tuple(_scenario(child) for child in _scenarios_of(feature))
    ids = [scenario.id for scenario in scenarios]
    if not ids:
        raise InvalidBehaviour("The feature has no scenario.")
    repeated = sorted({scenario_id for scenario_id in ids if ids.count(scenario_id) > 1})
    if repeated:
        raise InvalidBehaviour(f"Scenario ids must be unique; repeated: {', '.join(repeated)}.")
    return Behaviour(feature=single_line(feature["name"], "The feature's name"), scenarios=scenarios)


def canonical_steps(steps: str) -> str:
    """Return the steps of one scenario in canonical form; raises `InvalidBehaviour` if they are not exactly that."""
    feature = _parse(f"Feature: one\n\nScenario: one\n{steps.strip()}\n")
    scenarios = _scenarios_of(feature)
    if len(scenarios) != 1:
        raise InvalidBehaviour("Steps may not contain 'Scenario:' lines; submit each scenario as its own item.")
    return _canonical(scenarios[0])


def single_line(text: str, what: str) -> str:
    """Return `text` stripped; raises `InvalidBehaviour` when it is empty or holds line breaks or control characters."""
    stripped = text.strip()
    if not stripped:
        raise InvalidBehaviour(f"{what} is empty.")
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in stripped):
        raise InvalidBehaviour(f"{what} must be a single line without control characters.")
    return stripped


def _parse(text: str) -> Feature:
    unified = text.replace("\r\n", "\n")
    strange = {c for c in unified if unicodedata.category(c) in {"Cc", "Zl", "Zp"} and c not in "\n\t"}
    if strange:
        shown = ", ".join(f"U+{ord(c):04X}" for c in sorted(strange))
        raise InvalidBehaviour(f"Remove the control characters {shown}.")
    try:
        document = Parser().parse(unified)
    except CompositeParserException as error:
        raise InvalidBehaviour(f"Not valid Gherkin: {error.errors[0]}") from error
    except ParserError as error:
        raise InvalidBehaviour(f"Not valid Gherkin: {error}") from error
    if document["comments"]:
        raise InvalidBehaviour("Remove the comment lines ('#'); what matters belongs into a step.")
    feature = document.get("feature")
    if not feature:
        raise InvalidBehaviour("Begin with 'Feature: <name>'.")
    if feature["language"] != "en":
        raise InvalidBehaviour("Use the English Gherkin keywords.")
    return feature


def _scenarios_of(feature: Feature) -> list[ParsedScenario]:
    if feature["tags"]:
        raise InvalidBehaviour("Tags belong to scenarios, not to the feature.")
    scenarios: list[ParsedScenario] = []
    for child in feature["children"]:
        if "scenario" not in child:
            raise InvalidBehaviour("Use scenarios only: no 'Background:' and no 'Rule:'. Repeat the Given steps.")
        scenarios.append(cast("ParsedScenario", child.get("scenario")))
    return scenarios


def _scenario(parsed: ParsedScenario) -> Scenario:
    title = single_line(parsed["name"], "A scenario's title")
    tags = [tag["name"].removeprefix("@") for tag in parsed["tags"]]
    kinds = [ScenarioKind(tag) for tag in tags if tag in set(ScenarioKind)]
    ids = [tag for tag in tags if SCENARIO_ID.fullmatch(tag)]
    criteria = tuple(tag for tag in tags if CRITERION_ID.fullmatch(tag))
    if len(kinds) != 1 or len(ids) != 1 or not criteria or len(tags) != len(criteria) + 2:
        raise InvalidBehaviour(
            f"Scenario {title!r} needs exactly one of @change or @preserve, one @S<n>, and the @AC<n> it serves."
        )
    return Scenario(id=ids[0], kind=kinds[0], criteria=criteria, title=title, steps=_canonical(parsed))


def _canonical(parsed: ParsedScenario) -> str:
    if parsed["description"].strip():
        first = parsed["description"].strip().splitlines()[0]
        raise InvalidBehaviour(f"Begin each step with Given, When, Then, And or But; {first!r} does not.")
    kinds = {step["keywordType"] for step in parsed["steps"]}
    if not {"Action", "Outcome"} <= kinds:
        raise InvalidBehaviour("A scenario needs at least one When step and one Then step.")
    blocks = ["\n".join(_step(step) for step in parsed["steps"])]
    blocks.extend(_examples(examples) for examples in parsed["examples"])
    return "\n\n".join(blocks)


def _step(step: Step) -> str:
    keyword = step["keyword"].strip()
    if keyword not in _KEYWORDS or not step["text"].strip():
        raise InvalidBehaviour(f"The step {keyword!r} says nothing; write what is given, done or expected.")
    lines = [f"{keyword} {step['text'].strip()}"]
    table, doc_string = step.get("dataTable"), step.get("docString")
    if table:
        lines.append(_table(table))
    if doc_string:
        lines.append(_doc_string(doc_string))
    return "\n".join(lines)


def _table(table: DataTable) -> str:
    return _rows([[cell["value"] for cell in row["cells"]] for row in table["rows"]])


def _doc_string(doc_string: DocString) -> str:
    content = doc_string["content"]
    if '\\"' in content or "`" * 3 in content:
        raise InvalidBehaviour('A doc string may not contain \\" or three backticks; use a table or plain steps.')
    media_type = doc_string.get("mediaType") or ""
    body = "\n".join(line.rstrip() for line in content.split("\n")).replace('"""', '\\"\\"\\"')
    return _indented(f'"""{media_type}\n{body}\n"""' if body else f'"""{media_type}\n"""', 2)


def _examples(examples: Examples) -> str:
    header = examples.get("tableHeader")
    if examples["tags"] or examples["name"] or examples["description"].strip() or not header:
        raise InvalidBehaviour("'Examples:' takes a table only: a header row and at least one row, no name, no tags.")
    body = examples["tableBody"]
    if not body:
        raise InvalidBehaviour("'Examples:' needs at least one row below its header.")
    return "Examples:\n" + _rows([[cell["value"] for cell in row["cells"]] for row in (header, *body)])


def _rows(rows: Sequence[Sequence[str]]) -> str:
    escaped = [[_cell(value) for value in row] for row in rows]
    return "\n".join(f"  | {' | '.join(row)} |" for row in escaped)


def _cell(value: str) -> str:
    return value.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "\\n")


def _indented(text: str, spaces: int) -> str:
    return "\n".join(" " * spaces + line if line.strip() else line for line in text.split("\n"))
