"""The second half of development: the smallest code that makes the tests pass, proven by the pipeline's own runs.

The tests commit is protected: the tools refuse to write its files, the diff is checked all the same, and every run
restores them. Green means the witnesses pass, the red witness is confirmed on the head, and the full suite has no
failure that the base did not have.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from pipeline import events
from pipeline.agents.fences import Untrusted
from pipeline.agents.job import Handed, Job
from pipeline.agents.loop_context import Feedback, FeedbackKind
from pipeline.agents.prompt_variables import CodeWriterVariables
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.agents.submissions.work import Code
from pipeline.change_request import PauseReason
from pipeline.coding import commits, green_witness, old_tests, own_changes, protection, shadowing
from pipeline.coding.own_changes import OwnPart
from pipeline.coding.test_writing import CodingGround, ProvenTests
from pipeline.proof import protected_tests
from pipeline.proof.green import ProofVerdict
from pipeline.proof.manifests import is_manifest
from pipeline.proof.protected_tests import Tampering, TamperingKind
from pipeline.proof.test_reports import TestReport
from pipeline.proof.unified_diff import added_lines
from pipeline.records import RunPurpose
from pipeline.repositories import kept_refs
from pipeline.settings.runtime import DependencyPolicy
from pipeline.stage import agent_work, feedback, proving
from pipeline.stage.agent_work import Frame
from pipeline.stage.artifacts import Artifact
from pipeline.stage.pause_facts import ChangedManifests
from pipeline.stage.prepared import Prepared
from pipeline.stage.repository_reading import components_at, texts_at
from pipeline.stage.run import StageEnd, StageRun, blocked, with_why
from pipeline.stage.specs import scenarios_of

TAMPERING_MAX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenCode:
    """A proven head."""

    head: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """Why the dependency environment was built again for the change, and what its builder said."""

    manifest_hash: str
    why: str
    log: str


REBUILD = Artifact("rebuild", TypeAdapter(Rebuild))

_UNNOTICED_REMEDY = (
    "Run the stage again with what the tests should notice, so that the test writer adds it; or lower the setting and run the change "
    "request again. Some wrong versions behave as the right one does: then the score is as high as it can be."
)


@dataclass(slots=True, kw_only=True)
class _Tries:
    """What earlier iterations of this stage showed. Rebuilt deterministically when the stage runs again."""

    tampering: int = 0
    unfounded: list[str] = field(default_factory=list)
    """Test files that need a module which neither the base nor the newest head has: a package that is not installed."""
    pinned: list[str] = field(default_factory=list)
    """Old tests at which alone the newest head fails: they state what the change changes."""
    fingerprints: list[str] = field(default_factory=list)
    came_back: list[Feedback] = field(default_factory=list)
    commit: str = ""


async def write(run: StageRun, ground: CodingGround, tests: ProvenTests) -> ProvenCode | StageEnd:
    """Let the code writer work until green holds, or block with what stood in the way."""
    limits = run.context.settings.pipeline
    start = _start(run, tests)
    tries = _Tries(commit=start)
    async with agent_work.at_work(run, run.name, "code", start, ground.basis) as frame:
        for iteration in range(1, limits.development_iterations_max + 1):
            handed = await run.context.agents.work(await _job(run, ground, tests, frame, tries, iteration))
            ended = await _judge(run, ground, tests, handed, tries, start)
            if ended is not None:
                return ended
    message = f"The code writer did not reach green in {limits.development_iterations_max} tries."
    last = tries.came_back[-1].text[:4_000] if tries.came_back else ""
    return _given_up(run, tries, PauseReason.DEVELOPMENT_LOOP, with_why(message, last), last=last)


async def prove_handback(run: StageRun, ground: CodingGround, tests: ProvenTests) -> ProvenCode | StageEnd | None:
    """Prove what a person handed back; None leaves it to the code writer: it is not proven, or more was asked for."""
    came_back = await feedback.load(run)
    finished = came_back and all(one.kind is FeedbackKind.HANDOVER for one in came_back)
    if not finished or feedback.OPEN_POINTS in {one.source for one in came_back} or await feedback.instructions(run):
        return None
    head = _start(run, tests)
    if await _tampering(run, ground, tests, head):
        return None
    prepared = await _environment(run, ground, head)
    if isinstance(prepared, StageEnd):
        return prepared
    proven = await green_witness.prove(run, ground, tests, head, prepared)
    return ProvenCode(head=head, summary=f"as handed back: {proven.suite}") if proven.verdict.ok else None


def _given_up(run: StageRun, tries: _Tries, reason: PauseReason, message: str, **facts: str) -> StageEnd:
    """Say whose fault it is: no code makes tests pass that need a package which is not there."""
    if tries.pinned:
        return blocked(
            reason, old_tests.told(tries.pinned), None, repository=run.name, old_tests=list(tries.pinned),
            remedy=old_tests.REMEDY, **facts,
        )  # fmt: skip
    if tries.unfounded:
        reason = PauseReason.RED_WITNESS
        message = f"These tests need a module that neither the base nor the change has: {', '.join(tries.unfounded)}."
    return blocked(reason, message, None, repository=run.name, **facts)


def _start(run: StageRun, tests: ProvenTests) -> str:
    """Begin at the newest tests, or at the head that came back when its tests still hold."""
    if tests.commit == run.here.tests:
        return run.here.head
    return tests.commit


async def _job(
    run: StageRun, ground: CodingGround, tests: ProvenTests, frame: Frame, tries: _Tries, iteration: int
) -> Job:
    protected = tuple(file.path for file in tests.submission.files)
    variables = CodeWriterVariables(
        repository=run.name,
        spec=ground.verified,
        test_command=ground.prepared.test_command,
        protected_tests=protected,
        test_notes=Untrusted("notes of the test writer", tests.notes) if tests.notes else None,
    )
    return frame.job(
        variables, instance=f"{run.name}/{iteration}", loop=await feedback.loop_context(run, tries.came_back),
        facts=SubmissionFacts(scenarios=scenarios_of(ground.spec), protected_paths=frozenset(protected)),
        commit=tries.commit, fresh=iteration == 1,
        protected=protection.of_code_writer(
            ground.prepared.kept, await green_witness.protected_paths(run, ground, tests)
        ),
    )  # fmt: skip


async def _judge(
    run: StageRun, ground: CodingGround, tests: ProvenTests, handed: Handed, tries: _Tries, start: str
) -> ProvenCode | StageEnd | None:
    part = await own_changes.part_of(run, handed, parent=tries.commit, since=start)
    tries.commit = part.commit
    tampered = await _tampering(run, ground, tests, handed.snapshot, part)
    if tampered:
        tries.commit = await _undone(run, ground, tests, part.commit, tampered)
        return _tampered(run, tries, [one.message for one in tampered])
    head = await commits.commit(
        run,
        snapshot=part.commit,
        parent=start,
        step="code",
        subject=ground.spec.feature,
        body=handed.of(Code).summary,
        dated=handed.snapshot,
    )
    prepared = await _environment(run, ground, head)
    if isinstance(prepared, StageEnd):
        return prepared
    judged = await green_witness.prove(run, ground, tests, head, prepared)
    if judged.verdict.ok and judged.unnoticed:
        return blocked(PauseReason.RED_WITNESS, judged.unnoticed, None, repository=run.name, remedy=_UNNOTICED_REMEDY)
    if judged.verdict.ok:
        await own_changes.save(run, "code", part)
        return ProvenCode(head=head, summary=judged.suite)
    for problems, doubt in ((judged.untrusted, _UNTRUSTED), (judged.disagreements, _LOOKS_FOR_TESTS)):
        if problems:
            return _sent_back(run, tries, problems, doubt)
    tries.pinned = _pinned(ground, tests, judged.reports)
    proven = {test.file for test in judged.red.tests if test.counts}
    tries.unfounded = sorted({test.file for test in tests.red.tests if test.undecided} - proven)
    return _failed(run, tries, judged.verdict, judged.reports, part)


async def _tampering(
    run: StageRun, ground: CodingGround, tests: ProvenTests, snapshot: str, part: OwnPart | None = None
) -> list[Tampering]:
    """Compare a snapshot with the tests commit, which owns every test and all test configuration.

    Of what was left out of the change, only tests and their configuration count: a suite rewrites its own data.
    """
    repository, patterns = run.context.repositories[run.name], ground.prepared.test_patterns
    left_out = part.paths if part is not None else frozenset()
    instrument = ground.prepared.instrument

    def counts(path: str) -> bool:
        return path in instrument.files or protected_tests.steers_tests(path, ground.prepared.language_of(path))

    every = await repository.changed_files(tests.commit, snapshot)
    changed = [file for file in every if file.path not in left_out or counts(file.path)]
    compared = {file.path for file in changed if protected_tests.needs_texts(file.path)} | instrument.read_in_part
    found = protected_tests.check_code_writer(
        changed=changed,
        protected=await green_witness.protected_paths(run, ground, tests),
        patterns=patterns,
        before=await texts_at(repository, tests.commit, compared),
        after=await texts_at(repository, snapshot, compared),
        added=added_lines(await repository.diff(tests.commit, snapshot if part is None else part.commit)),
        kept=ground.prepared.kept,
        instrument=instrument,
    )
    return found + await shadowing.shadows_of(run, ground, tests.commit, snapshot if part is None else part.commit)


async def _undone(
    run: StageRun, ground: CodingGround, tests: ProvenTests, snapshot: str, tampered: Sequence[Tampering]
) -> str:
    """Put the proof back for the next try: what is protected whole, and the other files by which it was tampered with.

    Code that asks whether it is tested stays: it is the change itself.
    """
    repository = run.context.repositories[run.name]
    others = [one.path for one in tampered if one.kind is not TamperingKind.TEST_DETECTION]
    before = await repository.read_files(tests.commit, others)
    restored: dict[str, bytes | None] = {path: before.get(path) for path in others}
    restored |= await green_witness.restored_files(run, ground, tests, snapshot)
    present = await repository.read_files(snapshot, restored)
    changed = {path: content for path, content in restored.items() if present.get(path) != content}
    if not changed:
        return snapshot
    message = "The pipeline put protected tests back"
    mended = await repository.commit_files(parent=snapshot, files=changed, message=message, author=run.context.author)
    await repository.update_ref(kept_refs.purpose(run.context.cr_id, "restored", mended), mended)
    return mended


def _tampered(run: StageRun, tries: _Tries, problems: Sequence[str]) -> StageEnd | None:
    tries.tampering += 1
    text = "\n".join([*problems, "The pipeline has put protected files back."])
    tries.came_back = [Feedback(kind=FeedbackKind.TAMPERING, source="pipeline", text=text)]
    if tries.tampering < TAMPERING_MAX:
        return None
    return blocked(
        PauseReason.TAMPERING,
        with_why(
            "The code writer changed protected tests or test configuration again after it was sent back", problems[0]
        ),
        repository=run.name,
        problems=list(problems),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    """A witness whose word stops a change: what it means, and what helps."""

    witness: str
    means: str
    remedy: str


_UNTRUSTED = _Doubt(
    witness="inverted witness",
    means="What the test runner reports cannot be trusted with the code writer's change",
    remedy=(
        "The pipeline plants a failure at the end of every new test, and the runner has to tell it. Code that changes results, hooks "
        "into the runner or ends the process has to go; if it is the product's own work, keep it from running when it is imported."
    ),
)
_LOOKS_FOR_TESTS = _Doubt(
    witness="neutral witness",
    means="The code behaves otherwise when no test runner calls it",
    remedy=(
        "The pipeline also calls every new test without its runner, under other names of files, modules, functions, arguments and "
        "user. Code that depends on them, or on what a runner leaves in the process, has to go: it must be right for every caller."
    ),
)


def _sent_back(run: StageRun, tries: _Tries, problems: Sequence[str], doubt: _Doubt) -> StageEnd | None:
    """Send back code that a witness speaks against, and stop when it comes again."""
    tries.tampering += 1
    text = "\n".join([*problems, doubt.remedy])
    tries.came_back = [Feedback(kind=FeedbackKind.TAMPERING, source=doubt.witness, text=text)]
    if tries.tampering < TAMPERING_MAX:
        return None
    return blocked(
        PauseReason.TAMPERING, with_why(doubt.means, problems[0]), repository=run.name, problems=list(problems)
    )


async def _environment(run: StageRun, ground: CodingGround, head: str) -> Prepared | StageEnd:
    """Rebuild the environments when a manifest changed, or ask first where the tenant wants that."""
    changed = await run.context.repositories[run.name].changed_files(ground.base, head)
    known = ground.prepared.manifests | await _manifests_on(run, ground, head, [file.path for file in changed])
    manifests = [file.path for file in changed if file.path in known]
    if not manifests:
        return ground.prepared
    shown = run.shown(PauseReason.DIFF_SCOPE, ChangedManifests) or ChangedManifests()
    unseen = set(manifests) - set(shown.manifests)
    if run.context.settings.security.dependency_changes is DependencyPolicy.ASK and unseen:
        return blocked(
            PauseReason.DIFF_SCOPE,
            "The change touches dependency manifests, and this tenant wants to be asked.",
            ChangedManifests(manifests=tuple(manifests)),
            repository=run.name,
        )
    found = await proving.environment_of(run, run.name, head, base=ground.base)
    prepared = found.without(ground.prepared.absent).commanded_as(ground.prepared)
    environment = prepared.environment
    rebuilt = Rebuild(manifest_hash=environment.manifest_hash, why=", ".join(manifests), log=environment.log)
    await REBUILD.save(run.context.artifacts, run.name, rebuilt)
    await run.emit(events.Warned(message=f"The dependency environment was rebuilt because of {rebuilt.why}."))
    return prepared


async def _manifests_on(run: StageRun, ground: CodingGround, head: str, changed: Collection[str]) -> frozenset[str]:
    """Return what would decide the environments on the head: a manifest that the change adds is one of them."""
    if not any(map(is_manifest, changed)):
        return frozenset()
    target = run.context.targets[run.name]
    components = await components_at(run.context.repositories[run.name], head, target, base=ground.base)
    return frozenset(path for one in components for path in one.stack.manifests)


def _pinned(ground: CodingGround, tests: ProvenTests, reports: Mapping[RunPurpose, TestReport]) -> list[str]:
    """Return the old tests that fail although every new test passes, where nothing else stands in the way."""
    suite, own = reports[RunPurpose.GREEN_SUITE], {file.path for file in tests.submission.files}
    proofs = [report for purpose, report in reports.items() if purpose is not RunPurpose.GREEN_SUITE]
    failing = [case for case in suite.bad if not _failed_before(ground, case.test_id)]
    old = old_tests.pinned(ground.baseline, suite, own)
    return old if all(report.ok for report in proofs) and len(old) == len(failing) else []


def _failed_before(ground: CodingGround, test_id: str) -> bool:
    outcome = ground.baseline.outcomes().get(test_id)
    return outcome is not None and outcome.bad


def _failed(
    run: StageRun, tries: _Tries, verdict: ProofVerdict, reports: Mapping[RunPurpose, TestReport], part: OwnPart
) -> StageEnd | None:
    tails = "\n\n".join(
        f"Output of the {purpose.removeprefix('green_')} run (end):\n{report.output_tail[-3_000:]}"
        for purpose, report in reports.items()
        if not report.ok
    )
    text = "\n".join([*verdict.problems, *_about_old_tests(tries.pinned), *filter(None, [part.told()])])
    tries.came_back = [
        Feedback(kind=FeedbackKind.GREEN_WITNESS, source="green witness", text=f"{text}\n\n{tails}".strip())
    ]
    tries.fingerprints.append("\n".join(sorted(verdict.problems)))
    same = run.context.settings.pipeline.identical_failures_max
    if len(tries.fingerprints) >= same and len(set(tries.fingerprints[-same:])) == 1:
        message = with_why(f"The same tests failed {same} times in a row", text)
        return _given_up(run, tries, PauseReason.IDENTICAL_FAILURES, message, failures=text[:4_000])
    return None


def _about_old_tests(pinned: Sequence[str]) -> list[str]:
    if not pinned:
        return []
    told = (
        "Only tests that were there before fail. If your change breaks what no scenario changes, mend it; if such a test "
        "states the opposite of a scenario, keep to the scenario, leave the test alone and say so in your summary."
    )
    return [told]
