"""The pull request's text: a first-class output that a reviewer can decide on without opening anything else.

Pure: everything comes in by parameter, and outside text is quoted so that it cannot pose as ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.findings import REVIEWERS, Finding, FindingSource, RiskFlag
from pipeline.ports import ChangedFile

_LEFT_OUT_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestFacts:
    """What the text is made of, for one repository."""

    cr_id: str
    title: str
    summary: str
    source: str
    external_url: str | None
    cost_usd: str
    scripted: bool
    criteria: Sequence[str]
    scenarios: Sequence[tuple[str, str, str]]
    """Id, kind, title."""
    added_tests: int
    suite: str
    pre_existing: Sequence[str]
    witnesses: Sequence[str]
    """What the further witnesses showed, a line each."""
    findings: Sequence[Finding]
    flags: Sequence[RiskFlag]
    files: Sequence[ChangedFile]
    old_tests: Sequence[tuple[str, str, str, str]]
    """Test, what became of it, scenario, why."""
    left_out: Sequence[str]
    """Files that agents' trees had and the change has not."""
    siblings: Sequence[str]


def body(facts: PullRequestFacts) -> str:
    """Return the Markdown text."""
    sections = [
        _head(facts),
        "## Acceptance criteria\n\n" + _bullets(facts.criteria),
        "## Behaviour\n\n" + _bullets(f"**{identity}** ({kind}) {title}" for identity, kind, title in facts.scenarios),
        _tests(facts),
        _review(facts),
        _security(facts),
        "## Files\n\n" + _bullets(_file(file) for file in facts.files),
    ]
    if facts.left_out:
        sections.append(
            "## Left out\n\nNo part of this change:\n\n" + _bullets(map(_code, facts.left_out[:_LEFT_OUT_MAX]))
        )
    if facts.siblings:
        sections.append("## Belongs together with\n\n" + _bullets(facts.siblings))
    return "\n\n".join(sections) + "\n"


def _head(facts: PullRequestFacts) -> str:
    origin = facts.external_url or facts.source
    models = " The models were scripted: this is a demonstration." if facts.scripted else ""
    return f"{facts.summary}\n\nChange request `{facts.cr_id}` from {origin}; cost so far {facts.cost_usd} USD.{models}"


def _tests(facts: PullRequestFacts) -> str:
    lines = [
        f"{facts.added_tests} tests were added and seen failing without the change.",
        f"Full suite: {facts.suite}.",
        *(f"{one.rstrip('.')}." for one in facts.witnesses),
    ]
    if facts.pre_existing:
        lines.append(
            "Failing on the base branch already, not counted: " + ", ".join(f"`{test}`" for test in facts.pre_existing)
        )
    lines += [
        f"Old test {decision} for {scenario}: `{test.replace('`', '')}`" + (f" ({why})" if why else "")
        for test, decision, scenario, why in facts.old_tests
    ]
    return "## Tests\n\n" + _bullets(lines)


def _review(facts: PullRequestFacts) -> str:
    lines = []
    for source in REVIEWERS:
        said = [finding for finding in facts.findings if finding.source is source]
        name = source.value.replace("_", " ").capitalize()
        lines.append(f"{name}: passed" + (f" with {len(said)} remarks" if said else ""))
    return "## Review\n\n" + _bullets(lines)


def _security(facts: PullRequestFacts) -> str:
    notes = [f"Input: {flag.risk.value} risk, {flag.pattern}" for flag in facts.flags]
    notes += [
        f"{finding.source.value.replace('_', ' ')}: {finding.message}"
        for finding in facts.findings
        if finding.source in {FindingSource.DIFF_SCOPE, FindingSource.SECURITY_REVIEWER}
    ]
    return "## Security notes\n\n" + _bullets(notes or ["Nothing to note."])


def _file(file: ChangedFile) -> str:
    return f"`{file.path}` +{file.added} -{file.removed}"


def _code(text: str) -> str:
    path, parted, why = text.rpartition(" (")
    return f"`{path.replace('`', '')}`{parted}{why}"


def _bullets(lines: Any) -> str:
    return "\n".join(f"- {' '.join(str(line).split())}" for line in lines) or "- none"
