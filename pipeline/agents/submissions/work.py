"""What the working roles hand in: tests, code, and the resolution of merge conflicts."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, model_validator

from pipeline.agents.submissions.fields import (
    Confidence,
    Line,
    RepositoryPath,
    ScenarioId,
    Submission,
    Text,
    bulleted,
    facts_of,
    in_order,
    missing_ids,
    refuse,
    repeated_ids,
    unknown_ids,
)
from pipeline.specs.behaviour import ScenarioKind


class ScenarioTests(Submission):
    """The tests that prove one scenario."""

    scenario_id: ScenarioId
    test_names: Annotated[tuple[Line, ...], Field(min_length=1, max_length=100)]
    """Names as the test runner reports them within the file, without parameters: `test_s1_a_quote_has_a_total`."""


class TestFile(Submission):
    """One file of new tests."""

    __test__ = False

    path: RepositoryPath
    """The file you wrote, relative to the repository root."""
    kind: ScenarioKind
    """The kind of all scenarios it proves: `change` and `preserve` tests never share a file."""
    scenarios: Annotated[tuple[ScenarioTests, ...], Field(min_length=1, max_length=60)]
    """One entry for each scenario that tests in this file prove."""

    @property
    def scenario_ids(self) -> tuple[str, ...]:
        """The scenarios, in the order given."""
        return tuple(one.scenario_id for one in self.scenarios)


class OldTestDecision(StrEnum):
    """What became of an old test that states what the change changes."""

    REWRITTEN = "rewritten"
    RETIRED = "retired"


class OldTest(Submission):
    """Existing tests of one file that state the opposite of a scenario."""

    __test__ = False

    path: RepositoryPath
    """The existing test file that you changed or deleted."""
    tests: Annotated[tuple[Line, ...], Field(min_length=1, max_length=100)]
    """Names of the tests in it that you rewrote or removed, without parameters; no others may differ."""
    decision: OldTestDecision
    """`rewritten` where the test now states the new behaviour, `retired` where it is gone."""
    scenario_id: ScenarioId
    """The change scenario that says otherwise than the old test did."""
    why: Text
    """What the old test stated, and which words of the scenario contradict it."""


class Tests(Submission):
    """The tests that prove a spec."""

    __test__ = False

    files: Annotated[tuple[TestFile, ...], Field(min_length=1, max_length=40)]
    """Every test file you added, each once."""
    support_files: Annotated[tuple[RepositoryPath, ...], Field(max_length=60)] = ()
    """Other files that your tests need and that you added or changed: fixtures, test data, a conftest.py."""
    old_tests: Annotated[tuple[OldTest, ...], Field(max_length=60)] = ()
    """Existing tests that state the opposite of a change scenario and that you rewrote or removed; usually none."""
    notes: Annotated[str, Field(max_length=4_000)] = ""
    """What the code writer needs to know that the tests do not say, for example assumed names and signatures."""

    @property
    def declared_paths(self) -> tuple[str, ...]:
        """The test files, what they need, and the old ones that changed with them."""
        return (*(file.path for file in self.files), *self.support_files, *(old.path for old in self.old_tests))

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        known = facts_of(info).scenarios
        problems = repeated_ids([file.path for file in self.files], "paths of files")
        used = [one for file in self.files for one in file.scenario_ids]
        problems += unknown_ids(used, known, "scenario ids")
        for file in self.files if known is not None else []:
            wrong = [one for one in file.scenario_ids if known and known.get(one, file.kind) is not file.kind]
            if wrong:
                problems.append(f"{file.path} is a {file.kind} file, but {', '.join(wrong)} are not {file.kind}")
        if known is not None:
            problems += missing_ids(known, used, "no test file proves the scenarios")
        changing = None if known is None else [one for one in known if known[one] is ScenarioKind.CHANGE]
        problems += unknown_ids([old.scenario_id for old in self.old_tests], changing, "change scenarios of old tests")
        refuse(problems)
        return self

    def as_text(self) -> str:
        """Return which test proves which scenario, as the spec reviewer reads it."""
        return "\n".join(
            bulleted(
                f"{file.path} ({file.kind})",
                (f"{one.scenario_id}: {', '.join(one.test_names)}" for one in file.scenarios),
            )
            for file in self.files
        )

    def proofs(self, kind: ScenarioKind) -> dict[str, tuple[str, ...]]:
        """Return for each scenario of a kind the references of its tests, `path::name`, in the order given."""
        found: dict[str, tuple[str, ...]] = {}
        for file in self.files:
            for one in file.scenarios if file.kind is kind else ():
                references = tuple(f"{file.path}::{name}" for name in one.test_names)
                found[one.scenario_id] = found.get(one.scenario_id, ()) + references
        return found


class ScenarioAnswer(Submission):
    """How one scenario came true."""

    scenario_id: ScenarioId
    how: Text
    """The function or module that makes it hold; for a preserve scenario, why it still holds."""


class ManifestChange(Submission):
    """A dependency that the change needs."""

    path: RepositoryPath
    """The manifest, for example pyproject.toml."""
    dependency: Line
    """Name and version range as written there."""
    reason: Text
    """Why neither the standard library nor a present dependency will do."""


class Code(Submission):
    """The implementation of one repository."""

    summary: Text
    """What changed and why, for a person who reads the diff next."""
    changed_paths: Annotated[tuple[RepositoryPath, ...], Field(min_length=1, max_length=200)]
    """Every file you added, changed or deleted. What is not named here and was not written with the editor is left out."""
    scenarios: Annotated[tuple[ScenarioAnswer, ...], Field(min_length=1, max_length=60)]
    """One entry for each scenario."""
    manifest_changes: Annotated[tuple[ManifestChange, ...], Field(max_length=20)] = ()
    """Dependencies that you added, changed or removed; usually none."""

    @property
    def declared_paths(self) -> tuple[str, ...]:
        """What belongs to the change."""
        return self.changed_paths

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        facts = facts_of(info)
        answered = [answer.scenario_id for answer in self.scenarios]
        problems = repeated_ids(answered, "scenario ids")
        problems += unknown_ids(answered, facts.scenarios, "scenario ids")
        if facts.scenarios is not None:
            problems += missing_ids(facts.scenarios, answered, "say how these scenarios come true")
        touched = in_order(facts.protected_paths & set(self.changed_paths))
        if touched:
            problems.append(f"these files are protected tests, restore them: {', '.join(touched)}")
        undeclared = [m.path for m in self.manifest_changes if m.path not in self.changed_paths]
        problems += [f"manifest_changes names {path}, which is not in changed_paths" for path in undeclared]
        refuse(problems)
        return self


class ResolvedFile(Submission):
    """How one conflict ended."""

    path: RepositoryPath
    decision: Text
    """What was kept from which side, and why both intents hold."""


class Resolution(Submission):
    """The outcome of resolving merge conflicts."""

    resolved: bool
    """True only if no conflict marker is left and both sides' intents hold."""
    confidence: Confidence
    explanation: Text
    """What collided and how it was settled, or what a person has to decide."""
    files: Annotated[tuple[ResolvedFile, ...], Field(max_length=100)] = ()
    """One entry for each conflicted file you resolved."""

    @property
    def declared_paths(self) -> tuple[str, ...]:
        """The resolved files."""
        return tuple(file.path for file in self.files)

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        conflicts = facts_of(info).conflicts
        paths = [file.path for file in self.files]
        problems = repeated_ids(paths, "paths of files")
        if self.resolved and not paths:
            problems.append("resolved needs an entry in files for each conflict")
        if self.resolved and conflicts is not None:
            problems += missing_ids(conflicts, paths, "files lacks the conflicted paths")
        refuse(problems)
        return self
