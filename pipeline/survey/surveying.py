"""One check of a repository: detect, build, run every suite twice in a clean tree, and say what is there.

Problem: what a repository lacks shows itself only when something runs, and then money is spent already. Choice: do what the
pipeline's own first steps do, with the same parts and without a model: the same detection, environments, clean checkouts and
sandbox. Invariants: nothing is written to the repository; whatever is wrong with it ends in the record, typed, with its
remedy; only what says nothing about the repository (the machine is short, nothing can be contained) is raised.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.change_request import PauseReason, RepositoryTarget
from pipeline.errors import CallerError, PersonNeeded
from pipeline.limits import Limits
from pipeline.ports import (
    Author,
    CommandResult,
    Environment,
    Environments,
    Isolation,
    Repository,
    Sandbox,
    SandboxCommand,
)
from pipeline.proof.owners import owner_of
from pipeline.proof.suite_trouble import trouble_of
from pipeline.proof.test_reports import TestReport
from pipeline.proof.test_runs import run_tests
from pipeline.repositories.components import Component
from pipeline.repositories.repository_file import starting_file
from pipeline.repositories.stacks import is_test_file
from pipeline.stage.component_reports import joined
from pipeline.stage.repository_reading import Composition, composition_at, instrument_at
from pipeline.survey.record import (
    LOG_MAX,
    SAID_MAX,
    ComponentSurvey,
    DependencyShown,
    Remark,
    RemarkKind,
    RepositorySurvey,
    Stated,
    Suite,
    SurveyProgress,
    SurveyStep,
    Trouble,
)
from pipeline.survey.remarks import remarks_on
from pipeline.survey.stated_programs import absent_programs
from pipeline.survey.suite_findings import suite_of
from pipeline.survey.tool_versions import package_manager_of, versions_of

Report = Callable[[SurveyProgress], Awaitable[None]]
"""Hears where the check is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a check works with."""

    repository: Repository
    target: RepositoryTarget
    environments: Environments
    sandbox: Sandbox
    limits: Limits
    author: Author
    directory: Path
    """Where its trees are: there, and its alone."""


@dataclass(slots=True)
class _Measured:
    """The sandbox of one run, remembering what it used."""

    inner: Sandbox
    peak: int = 0

    async def run(self, command: SandboxCommand) -> CommandResult:
        result = await self.inner.run(command)
        self.peak = max(self.peak, result.memory_peak_bytes)
        return result

    def isolation(self) -> Isolation:
        return self.inner.isolation()


async def survey(ground: Ground, report: Report) -> RepositorySurvey:
    """Check the repository as its base branch is now. Raises `TransientError`, and `PersonNeeded` for the machine's own."""
    began = time.monotonic()
    found = await _survey(ground, report)
    return found.model_copy(
        update={"isolation": ground.sandbox.isolation().name, "took_s": round(time.monotonic() - began, 3)}
    )


async def _survey(ground: Ground, report: Report) -> RepositorySurvey:
    branch = ground.target.base_branch
    await report(SurveyProgress(step=SurveyStep.FETCHING))
    try:
        await ground.repository.fetch()
    except PersonNeeded as refused:
        trouble = _of_person(SurveyStep.FETCHING, refused)
        return RepositorySurvey(base_branch=branch, base_commit="", trouble=trouble)
    base = await ground.repository.branch_head(branch)
    if base is None:
        gone = Trouble(
            step=SurveyStep.FETCHING, message=f"There is no branch {branch} any more.",
            remedy="Register the repository again, with the branch that changes are for.",
        )  # fmt: skip
        return RepositorySurvey(base_branch=branch, base_commit="", trouble=gone)
    await report(SurveyProgress(step=SurveyStep.DETECTING))
    files = await ground.repository.list_files(base)
    remarks = await remarks_on(ground.repository, base, files, ground.author)
    try:
        composition = await composition_at(ground.repository, base, ground.target)
    except CallerError as refused:
        trouble = Trouble(step=SurveyStep.DETECTING, message=refused.message, remedy=refused.remedy or "")
        return RepositorySurvey(base_branch=branch, base_commit=base, remarks=remarks, trouble=trouble)
    checks = [
        _Check(ground, base, files, report, composition, one, digest, number)
        for number, (one, digest) in enumerate(composition.components, 1)
    ]
    found = [await one.component() for one in checks]
    absent = [remark for one in checks for remark in one.absent]
    left_out = [_left_out(one) for one in found]
    return RepositorySurvey(
        base_branch=branch, base_commit=base, components=tuple(found),
        remarks=(*remarks, *absent, *await _unprotected(ground, base, composition), *(remark for remark in left_out if remark is not None)),
        starting_file=starting_file(composition.parts),
    )  # fmt: skip


async def _unprotected(ground: Ground, base: str, composition: Composition) -> list[Remark]:
    found = await instrument_at(ground.repository, base, composition.parts)
    remedy = (
        "State a test command that runs the tests itself, or what it runs as protected in .changeline/repository.yaml."
    )
    return [
        Remark(
            kind=RemarkKind.UNPROTECTED, remedy=remedy,
            message=f"Part of the test command cannot be followed, so agents could change what it runs: {sentence}",
        )
        for sentence in found.unread
    ]  # fmt: skip


@dataclass(slots=True)
class _Check:
    """The check of one component."""

    ground: Ground
    base: str
    files: Sequence[str]
    report: Report
    composition: Composition
    of: Component
    digest: str
    number: int
    absent: list[Remark] = field(default_factory=list)
    """Programs of stated commands that are not there; known after `component`."""

    async def component(self) -> ComponentSurvey:
        """Install what it needs, ask for versions, run its suite twice."""
        stack, manager = self.of.stack, package_manager_of(self.of.stack)
        found = ComponentSurvey(
            root=self.of.root,
            depends_on=self.of.depends_on,
            language=stack.language.value,
            package_manager=manager,
            runner=stack.runner,
            values=_values(self.of),
        )
        await self._at(SurveyStep.INSTALLING)
        began = time.monotonic()
        try:
            async with self._tree("environment") as tree:
                environment = await self.ground.environments.prepare(stack, tree, self.digest, may_spoil=True)
                took = time.monotonic() - began
                versions = await versions_of(stack, environment, tree, self.ground.sandbox, manager)
                self.absent += await absent_programs(self.of, environment, tree, self.ground.sandbox)
        except PersonNeeded as refused:
            if refused.reason is not PauseReason.ENVIRONMENT_FAILED:
                raise
            trouble = _of_person(SurveyStep.INSTALLING, refused)
            return found.model_copy(update={"trouble": trouble, "installing_s": time.monotonic() - began})
        environment = replace(environment, variables={**environment.variables, **self.of.variables})
        installed = {"versions": versions, "dependencies": _dependencies(environment), "installing_s": round(took, 3)}
        return await self._suites(environment, found.model_copy(update=installed))

    async def _suites(self, environment: Environment, found: ComponentSurvey) -> ComponentSurvey:
        first, peak = await self._run(SurveyStep.FIRST_RUN, environment)
        trouble = self._trouble(SurveyStep.FIRST_RUN, first, environment.not_built)
        if trouble is not None:
            return found.model_copy(
                update={"trouble": trouble, "suite": self._suite(first, None, peak) if first.cases else None}
            )
        second, second_peak = await self._run(SurveyStep.SECOND_RUN, environment)
        return found.model_copy(
            update={
                "trouble": self._trouble(SurveyStep.SECOND_RUN, second, environment.not_built),
                "suite": self._suite(first, second, peak, second_peak),
            }
        )

    def _suite(self, first: TestReport, second: TestReport | None, *peaks: int) -> Suite:
        command = self.of.stack.test_command
        return suite_of(first, second, command=command, peaks=(*peaks, 0)[:2])

    async def _run(self, step: SurveyStep, environment: Environment) -> tuple[TestReport, int]:
        await self._at(step)
        measured = _Measured(self.ground.sandbox)
        async with self._tree(step.value) as tree:
            report = await run_tests(
                stack=self.of.stack, tree=tree, environment=environment, sandbox=measured, selection=None,
                limits=self.ground.limits,
            )  # fmt: skip
        tail = report.output_tail.replace(f"{tree}/", "").replace(str(tree), ".")
        own = joined({self.of.root: report}, [one.stack for one in self.composition.parts])
        return replace(own, output_tail=tail), measured.peak

    def _trouble(self, step: SurveyStep, report: TestReport, not_built: str) -> Trouble | None:
        stacks = [one.stack for one in self.composition.parts]
        own = (path for path in self.files if is_test_file(self.of.stack, path))
        tests = sum(1 for path in own if (owner := owner_of(path, stacks)) is not None and owner.root == self.of.root)
        runner = self.of.stack.runner
        found = trouble_of(report, runner=runner, test_files=tests, files=self.files, not_built=not_built)
        if found is None:
            return None
        again = "In the second run: " if step is SurveyStep.SECOND_RUN else ""
        return Trouble(
            step=step, message=f"{again}{found.message}", error=found.error, command=self.of.stack.test_command[:SAID_MAX],
            remedy=found.remedy, log_tail=report.output_tail[-LOG_MAX:],
        )  # fmt: skip

    async def _at(self, step: SurveyStep) -> None:
        await self.report(
            SurveyProgress(
                step=step, component=self.of.root, number=self.number, components=len(self.composition.components)
            )
        )

    @asynccontextmanager
    async def _tree(self, purpose: str) -> AsyncIterator[Path]:
        """Give a clean checkout of the base, gone afterwards; a large one may become the next."""
        tree = self.ground.directory / f"{purpose}-{self.number}"
        try:
            await self.ground.repository.checkout(tree, self.base)
            yield tree
            await self.ground.repository.give_back(tree)
        finally:
            await self.ground.repository.remove_worktree(tree)


def _of_person(step: SurveyStep, refused: PersonNeeded) -> Trouble:
    told = {name: str(refused.facts.get(name) or "") for name in ("remedy", "command", "log_tail")}
    return Trouble(
        step=step, message=refused.message, remedy=told["remedy"], command=told["command"][:SAID_MAX],
        log_tail=told["log_tail"][-LOG_MAX:],
    )  # fmt: skip


def _values(of: Component) -> tuple[Stated, ...]:
    return tuple(
        Stated(name=one.aspect.value, value=one.value[:SAID_MAX], origin=str(one.origin), followed=one.followed)
        for one in of.known
    )


def _dependencies(environment: Environment) -> tuple[DependencyShown, ...]:
    return tuple(
        DependencyShown(source=one.source.value, name=one.name, taken=one.taken, why=one.why)
        for one in environment.choices
    )


def _left_out(of: ComponentSurvey) -> Remark | None:
    left = [f"{one.name} ({one.why})" for one in of.dependencies if not one.taken]
    if not left:
        return None
    where = "" if of.root == "." else f" of {of.root}"
    return Remark(kind=RemarkKind.LEFT_OUT, message=f"Left out of the environment{where}: {'; '.join(left)}")
