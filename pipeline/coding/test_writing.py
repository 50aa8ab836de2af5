"""The first half of development: tests that prove the scenarios, witnessed red before any code exists.

What the test writer may touch is tests only; `change` and `preserve` tests live in separate files. Old tests that state
what a scenario changes it rewrites or retires under that scenario (`old_tests`). The pipeline commits
its files on the base, runs the `preserve` tests (they must pass) and the `change` tests (each scenario needs a test that
fails for a right reason) and hands weak tests back.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pydantic import TypeAdapter

from pipeline.agents.fences import VerifiedSpec
from pipeline.agents.job import Handed, Job
from pipeline.agents.loop_context import Feedback, FeedbackKind
from pipeline.agents.prompt_variables import TestWriterVariables
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.agents.submissions.specs import Spec
from pipeline.agents.submissions.work import Tests
from pipeline.change_request import PauseReason
from pipeline.coding import commits, old_tests, own_changes, protection
from pipeline.coding.old_tests import AlteredTest
from pipeline.coding.own_changes import OwnPart
from pipeline.errors import PersonNeeded
from pipeline.ports import ChangedFile
from pipeline.proof.green import ProofVerdict, judge_preserve
from pipeline.proof.missing_symbols import misses_something
from pipeline.proof.protected_tests import Tampering, check_test_writer, is_protected
from pipeline.proof.red_green import RedRules, RedVerdict, in_a_sentence, judge_red
from pipeline.proof.test_reports import TestReport
from pipeline.proof.test_writing_rules import broken_rules, emptied_tests
from pipeline.records import RunPurpose
from pipeline.repositories.components import own_modules
from pipeline.specs.behaviour import ScenarioKind
from pipeline.stage import agent_work, feedback, proving
from pipeline.stage.agent_work import Basis, Frame
from pipeline.stage.artifacts import Artifact
from pipeline.stage.prepared import Prepared
from pipeline.stage.repository_reading import texts_at
from pipeline.stage.run import StageEnd, StageRun, blocked, with_why
from pipeline.stage.specs import scenarios_of

_PROBLEMS_TOLD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTests:
    """Tests and their witness, as far as they prove the spec of that hash."""

    spec_hash: str | None
    commit: str
    submission: Tests
    red: RedVerdict


TESTS = Artifact("tests", TypeAdapter(StoredTests))


@dataclass(frozen=True, slots=True, kw_only=True)
class CodingGround:
    """What both halves of development work with."""

    basis: Basis
    spec: Spec
    verified: VerifiedSpec
    base: str
    """The commit without the change: red is witnessed there."""
    start: str
    """Where the test writer begins: the base, or the head that came back."""
    baseline: TestReport

    @property
    def prepared(self) -> Prepared:
        """The base's components, those that can be tested with their environments."""
        return self.basis.prepared

    async def left_out(self, run: StageRun, files: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the tests of `files` that the repository's own suite leaves out, so that nobody misses them."""
        return await proving.left_out(
            run, run.name, base=self.base, report=self.baseline, prepared=self.prepared, files=files
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenTests:
    """Tests with their provisional red witness. `change` maps scenario ids to test references."""

    commit: str
    submission: Tests
    red: RedVerdict
    notes: str

    @property
    def change_files(self) -> tuple[str, ...]:
        """Files with tests of change scenarios."""
        return _files(self.submission, ScenarioKind.CHANGE)

    @property
    def preserve_files(self) -> tuple[str, ...]:
        """Files with tests of preserve scenarios."""
        return _files(self.submission, ScenarioKind.PRESERVE)

    @property
    def scenarios(self) -> Mapping[str, Sequence[str]]:
        """Change scenarios, each with the references of its tests."""
        return self.submission.proofs(ScenarioKind.CHANGE)


async def write(run: StageRun, ground: CodingGround) -> ProvenTests | StageEnd:
    """Let the test writer work until the red witness holds, or block."""
    came_back: list[Feedback] = []
    commit = ground.start
    async with agent_work.at_work(run, run.name, "tests", commit, ground.basis) as frame:
        for iteration in range(1, run.context.settings.pipeline.development_iterations_max + 1):
            handed = await run.context.agents.work(await _job(run, ground, frame, commit, iteration, came_back))
            part = await own_changes.part_of(
                run, handed, parent=commit, since=ground.start, also=partial(_is_old_test, ground)
            )
            commit = part.commit
            old, problems = await _old_tests(run, ground, handed, commit)
            came_back = await _misplaced(run, ground, handed, part, problems)
            if came_back:
                continue
            tests = await _witnessed(run, ground, handed, part)
            if isinstance(tests, ProvenTests):
                await own_changes.save(run, "tests", part)
                await old_tests.save(run, old, still_changed=await _changed_old_tests(run, ground, commit))
                return tests
            source = f"red witness, try {iteration}"
            text = "\n".join([*tests, *filter(None, [part.told()])])
            came_back = [Feedback(kind=FeedbackKind.RED_WITNESS, source=source, text=text)]
    return blocked(
        PauseReason.RED_WITNESS,
        with_why(
            "The test writer did not find tests that fail for the right reason without the change", came_back[-1].text
        ),
        repository=run.name,
        last=came_back[-1].text[:4_000],
    )


async def _job(
    run: StageRun, ground: CodingGround, frame: Frame, commit: str, iteration: int, came_back: Sequence[Feedback]
) -> Job:
    variables = TestWriterVariables(
        repository=run.name, spec=ground.verified, test_command=ground.prepared.test_command
    )
    loop = await feedback.loop_context(run, came_back, kinds=(FeedbackKind.REVIEW, FeedbackKind.HANDOVER))
    facts = SubmissionFacts(scenarios=scenarios_of(ground.spec))
    return frame.job(
        variables, instance=f"{run.name}/{iteration}", facts=facts, loop=loop, commit=commit, fresh=iteration == 1,
        protected=protection.of_test_writer(ground.prepared.kept),
    )  # fmt: skip


async def _witnessed(run: StageRun, ground: CodingGround, handed: Handed, part: OwnPart) -> "ProvenTests | list[str]":
    """Commit what the test writer handed in, and witness it red; returns what is wrong."""
    subject = f"Tests: {ground.spec.feature}"
    told = await commits.add_feature(run, part.commit, ground.spec.behaviour())
    built = await commits.commit(
        run, snapshot=told, parent=ground.start, step="tests", subject=subject, dated=handed.snapshot
    )
    return await witness(run, ground, handed.of(Tests), built)


async def load_tests(run: StageRun) -> ProvenTests | None:
    """Return the newest tests of this repository with their witness, if they prove the present spec."""
    return await load_tests_of(run, run.name)


async def load_tests_of(run: StageRun, name: str) -> ProvenTests | None:
    """As `stored`, for any repository of the run."""
    kept = await TESTS.load(run.context.artifacts, name)
    if kept is None or kept.spec_hash != run.known[name].spec_hash:
        return None
    return ProvenTests(commit=kept.commit, submission=kept.submission, red=kept.red, notes=kept.submission.notes)


async def save_tests(run: StageRun, tests: ProvenTests) -> None:
    """Remember tests and witness for later rounds."""
    kept = StoredTests(spec_hash=run.here.spec_hash, commit=tests.commit, submission=tests.submission, red=tests.red)
    await TESTS.save(run.context.artifacts, run.name, kept, {"commit": tests.commit})


async def sources_of(run: StageRun, commit: str, paths: Sequence[str]) -> Mapping[str, str]:
    """Return test files' texts at a commit."""
    repository = run.context.repositories[run.name]
    return await texts_at(repository, commit, paths)


def _is_old_test(ground: CodingGround, file: ChangedFile) -> bool:
    language = ground.prepared.language_of(file.old_path or file.path)
    return old_tests.is_old_test(file, ground.prepared.test_patterns, language)


async def _old_tests(
    run: StageRun, ground: CodingGround, handed: Handed, commit: str
) -> tuple[list[AlteredTest], list[str]]:
    """Return which old tests were altered since the stage began, and which of them without a scenario."""
    changed = await run.context.repositories[run.name].changed_files(ground.start, commit)
    submission = handed.of(Tests)
    new = {file.path for file in submission.files}
    # What is committed was declared or edited by the writer, so data (a golden file) counts too: no suite rewrote it.
    patterns = ground.prepared.test_patterns
    files = [file for file in changed if old_tests.states_behaviour(file, patterns)]
    present = set(await run.context.repositories[run.name].list_files(ground.base))
    # A test of an earlier round of this change request is no old one.
    files = [file for file in files if (file.old_path or file.path) in present and not _extends(file, new)]
    return await old_tests.altered(
        run, submission, before=ground.start, after=commit, files=files, scenarios=scenarios_of(ground.spec)
    )


def _extends(file: ChangedFile, declared: Collection[str]) -> bool:
    """Whether tests were only added to an existing file."""
    return file.path in declared and not file.removed and file.status == "M"


async def _changed_old_tests(run: StageRun, ground: CodingGround, commit: str) -> set[str]:
    changed = await run.context.repositories[run.name].changed_files(ground.base, commit)
    patterns = ground.prepared.test_patterns
    return {file.old_path or file.path for file in changed if old_tests.states_behaviour(file, patterns)}


async def _misplaced(
    run: StageRun, ground: CodingGround, handed: Handed, part: OwnPart, unnamed: Sequence[str]
) -> list[Feedback]:
    """The test writer may add and change tests only."""
    repository, submission = run.context.repositories[run.name], handed.of(Tests)
    change, preserve = _files(submission, ScenarioKind.CHANGE), _files(submission, ScenarioKind.PRESERVE)
    changed = await repository.changed_files(ground.start, part.commit)
    # A test that an earlier round or a person wrote may be declared as it stands; the red witness judges it all the same.
    present = [file for file in await repository.changed_files(ground.base, ground.start) if file.status != "D"]
    touched = {file.path for file in changed}
    taken_on = [file for file in present if file.path in {*change, *preserve} and file.path not in touched]
    problems = check_test_writer(
        changed=[*changed, *taken_on],
        change_files=change,
        preserve_files=preserve,
        patterns=ground.prepared.test_patterns,
        kept=ground.prepared.kept,
        instrument=ground.prepared.instrument.files,
    )
    problems += await _against_the_rules(run, ground, changed, part.commit)
    said = [*(problem.message for problem in problems), *unnamed]
    text = "\n".join([*said, *filter(None, [part.told()])])
    return [Feedback(kind=FeedbackKind.RED_WITNESS, source="pipeline", text=text)] if said else []


async def _against_the_rules(
    run: StageRun, ground: CodingGround, changed: Sequence[ChangedFile], commit: str
) -> list[Tampering]:
    """Return what the changed files do that decides results, and which old tests they empty."""
    written = [file for file in changed if file.status != "D"]
    before = await sources_of(run, ground.start, [file.old_path or file.path for file in written if file.status != "A"])
    after = await sources_of(run, commit, [file.path for file in written])
    texts = [(file.path, before.get(file.old_path or file.path, ""), after.get(file.path, "")) for file in written]
    found = await asyncio.to_thread(
        lambda: [one for text in texts for rule in (broken_rules, emptied_tests) for one in rule(*text)]
    )
    return found[:_PROBLEMS_TOLD]


async def witness(run: StageRun, ground: CodingGround, submission: Tests, commit: str) -> "ProvenTests | list[str]":
    """Run the tests of a tests commit without the change: preserve tests pass, change tests are red. Returns what is wrong."""
    change, preserve = _files(submission, ScenarioKind.CHANGE), _files(submission, ScenarioKind.PRESERVE)
    kept = await _preserve(run, ground, commit, preserve, change)
    red = await _red(run, ground, commit, change, submission)
    if kept.ok and red.ok:
        tests = ProvenTests(commit=commit, submission=submission, red=red, notes=submission.notes)
        await save_tests(run, tests)
        return tests
    if red.fails_anyway:
        raise _nothing_can_be_shown(run.name, ground)
    return [*kept.problems, *([] if red.ok else [red.feedback()])]


def _nothing_can_be_shown(name: str, ground: CodingGround) -> PersonNeeded:
    """Return the pause of a repository whose command fails on the base as a whole, which is no fault of a test writer."""
    remedy = "Mend the base branch, or set a test_command that passes there or tells its tests one by one; then resume."
    said = next((in_a_sentence(case.failure) for case in ground.baseline.bad if case.failure), "")
    return PersonNeeded(
        PauseReason.ENVIRONMENT_FAILED,
        f"`{ground.prepared.test_command}` fails on the base and tells no single tests, so no test can be shown to fail for want "
        f"of the change. It says: {said} {remedy}",
        repository=name, remedy=remedy, log_tail=ground.baseline.output_tail[-4_000:],
    )  # fmt: skip


async def _preserve(
    run: StageRun, ground: CodingGround, commit: str, files: Sequence[str], change: Sequence[str]
) -> ProofVerdict:
    if not files:
        return judge_preserve(ground.baseline, ())
    report = await proving.prove(
        run, name=run.name, commit=commit, purpose=RunPurpose.PRESERVE_ON_BASE, selection=files,
        prepared=ground.prepared, restored=await _base_state(run, ground, commit, dict.fromkeys(change)),
        left_out=await ground.left_out(run, files), known=ground.baseline.complaints,
    )  # fmt: skip
    verdict = judge_preserve(report, files)
    await proving.keep(
        run,
        run.name,
        purpose=RunPurpose.PRESERVE_ON_BASE,
        commit=commit,
        report=report,
        ok=verdict.ok,
        verdict=proving.plain(verdict),
    )
    return verdict


async def _red(run: StageRun, ground: CodingGround, commit: str, files: Sequence[str], submission: Tests) -> RedVerdict:
    report = await proving.prove(
        run, name=run.name, commit=commit, purpose=RunPurpose.RED, selection=files,
        prepared=ground.prepared, restored=await _base_state(run, ground, commit, {}),
        left_out=await ground.left_out(run, files), known=ground.baseline.complaints,
    )  # fmt: skip
    rules = await _rules(run, ground, report)
    verdict = judge_red(
        report=report, change_files=files, scenarios=submission.proofs(ScenarioKind.CHANGE), rules=rules,
        sources=await sources_of(run, commit, files), failing_before=[case.test_id for case in ground.baseline.bad],
    )  # fmt: skip
    await proving.keep(
        run,
        run.name,
        purpose=RunPurpose.RED,
        commit=commit,
        report=report,
        ok=verdict.ok,
        verdict=proving.plain(verdict),
    )
    return verdict


async def _rules(run: StageRun, ground: CodingGround, report: TestReport) -> RedRules:
    """Return what the judge knows of the base: of its components, where there are several, of each."""
    files = await run.context.repositories[run.name].list_files(ground.base)
    components = ground.prepared.components
    each = [
        RedRules(
            root=one.root,
            language=one.stack.language,
            own_modules=sorted(own_modules(one.root, components, files)),
            base=await proving.symbols_of(
                run,
                run.name,
                ground.base,
                ground.prepared,
                one.root,
                asked=misses_something(report, one.stack.language),
            ),
        )
        for one in components
    ]
    return replace(each[0], beside=tuple(each)) if len(each) > 1 else each[0]


async def _base_state(
    run: StageRun, ground: CodingGround, commit: str, without: Mapping[str, None]
) -> dict[str, bytes | None]:
    """Overwrite what an earlier round's code changed with the base's, so that red is witnessed without the change."""
    repository = run.context.repositories[run.name]
    changed = [file.path for file in await repository.changed_files(ground.base, commit)]
    theirs = [path for path in changed if not is_protected(path, ground.prepared.test_patterns)]
    before = await repository.read_files(ground.base, theirs)
    return {**without, **{path: before.get(path) for path in theirs}}


def _files(submission: Tests, kind: ScenarioKind) -> tuple[str, ...]:
    return tuple(file.path for file in submission.files if file.kind is kind)
