"""What a check of a repository found, as it is stored, sent and shown.

Problem: "can Changeline work on this?" has many small answers, and page, command and submission must give the same ones.
Choice: one typed record with a list of components, each with what was chosen, what ran twice and what stands in the way; the
verdict is derived, never stored. Invariant: every obstacle names the one setting or command that helps; texts that a
repository or its tools wrote are cut, and are data for whoever shows them.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, computed_field

LISTED_MAX = 50
"""Of tests of one kind; the whole number is kept beside the list."""
SAID_MAX = 300
LOG_MAX = 4_000


class SurveyState(StrEnum):
    """How the newest check of a repository stands."""

    NEVER = "never"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    """Whoever did it is gone: the machine or the controller stopped."""
    FAILED = "failed"
    """It came to nothing, for a reason that says nothing about the repository."""


class SurveyStep(StrEnum):
    """What a check does, in this order."""

    WAITING = "waiting"
    """For its process, or for another check on this machine."""
    FETCHING = "fetching"
    DETECTING = "detecting"
    INSTALLING = "installing"
    FIRST_RUN = "first_run"
    SECOND_RUN = "second_run"


class SuiteVerdict(StrEnum):
    """What a suite is good for, worst last."""

    CLEAN = "clean"
    """It ran twice, and everything passed."""
    FAILING = "failing"
    """Some tests fail on the base; a change is not judged by them."""
    UNTESTED = "untested"
    """There is no test yet."""
    FLAKY = "flaky"
    """The two runs differ."""
    PARTLY = "partly"
    """Of a repository: some of its components cannot be tested here, and only a change that touches one of them stops."""
    BROKEN = "broken"
    """It cannot run here, so nothing can be proven."""


class OutsideNeed(StrEnum):
    """What a test reached for and did not find in the sandbox."""

    NETWORK = "network"
    SERVICE = "service"


class RemarkKind(StrEnum):
    """What a person should know of a repository before submitting to it."""

    SUBMODULES = "submodules"
    LARGE_FILES = "large_files"
    SIGN_OFF = "sign_off"
    COMMIT_NAMES = "commit_names"
    """Its commits have subjects of a form that is checked."""
    TOOLS = "tools"
    """A program that a stated command starts is not there."""
    BRANCH_IN_THE_WAY = "branch_in_the_way"
    NO_PUSH = "no_push"
    """Its remote takes no push of ours."""
    HISTORY = "history"
    """It is long, and trees have only part of it."""
    LEFT_OUT = "left_out"
    UNPROTECTED = "unprotected"
    """Part of a test command cannot be followed, so what it runs is not protected from agents."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SurveyProgress(_Record):
    """Where a check is. `component` is the root of the one that it is at, of `components`."""

    step: SurveyStep = SurveyStep.WAITING
    component: str = ""
    number: int = 0
    components: int = 0


class Stated(_Record):
    """A value that decides how a component is built and tested, with where it comes from."""

    name: str
    value: str
    origin: str
    followed: bool = True
    """False: a hint, or overruled by a stronger source."""


class ToolVersion(_Record):
    """A program of the environment, and the version that it says."""

    name: str
    version: str


class DependencyShown(_Record):
    """One decision of the environment's build."""

    source: str
    name: str
    taken: bool
    why: str


class SuiteRun(_Record):
    """One full run in a clean tree."""

    passed: int
    failed: int
    skipped: int
    duration_s: float
    memory_peak_bytes: int = 0
    """0: not measured."""


class FailingTest(_Record):
    """A test that failed in both runs, or in the only one."""

    test: str
    said: str


class FlakyTest(_Record):
    """A test that the two runs do not agree on; `absent` is a test that one of them did not report."""

    test: str
    first: str
    second: str
    said: str


class SlowTest(_Record):
    """One of the slowest tests, by the slower of its two runs."""

    test: str
    seconds: float


class NeedyTest(_Record):
    """A test that fails because the sandbox has no network and no services. `what` names it, as far as the error does."""

    test: str
    need: OutsideNeed
    what: str
    said: str


class Suite(_Record):
    """What two runs of a component's tests showed."""

    command: str
    """What a person would type to run it."""
    per_test: bool
    """False: the runner tells an exit code only, the weaker proof."""
    found: int
    first: SuiteRun
    second: SuiteRun | None = None
    failing_count: int = 0
    failing: tuple[FailingTest, ...] = ()
    flaky_count: int = 0
    flaky: tuple[FlakyTest, ...] = ()
    needy_count: int = 0
    needy: tuple[NeedyTest, ...] = ()
    slow: tuple[SlowTest, ...] = ()


class Trouble(_Record):
    """Why it went no further. `error` is the first line of whoever refused, `remedy` the one thing to do."""

    step: SurveyStep
    message: str
    error: str = ""
    command: str = ""
    remedy: str = ""
    log_tail: str = ""


class Remark(_Record):
    """Something that forbids nothing, with what helps."""

    kind: RemarkKind
    message: str
    remedy: str = ""


class ComponentSurvey(_Record):
    """One component: what it is made of, what was installed for it, how its tests went."""

    root: str = "."
    depends_on: tuple[str, ...] = ()
    """Roots of the components whose code this one uses."""
    language: str
    package_manager: str = ""
    runner: str
    values: tuple[Stated, ...] = ()
    versions: tuple[ToolVersion, ...] = ()
    dependencies: tuple[DependencyShown, ...] = ()
    installing_s: float = 0.0
    """Close to nothing where the environment was there already."""
    suite: Suite | None = None
    trouble: Trouble | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way to show a property
    @property
    def verdict(self) -> SuiteVerdict:
        """What its suite is good for."""
        if self.trouble is not None and self.trouble.step is SurveyStep.SECOND_RUN:
            return SuiteVerdict.FLAKY
        if self.trouble is not None or self.suite is None:
            return SuiteVerdict.BROKEN
        if self.suite.flaky_count:
            return SuiteVerdict.FLAKY
        if not self.suite.found:
            return SuiteVerdict.UNTESTED
        return SuiteVerdict.FAILING if self.suite.failing_count else SuiteVerdict.CLEAN


class RepositorySurvey(_Record):
    """What one check found at one commit of the base branch."""

    base_branch: str
    base_commit: str
    components: tuple[ComponentSurvey, ...] = ()
    remarks: tuple[Remark, ...] = ()
    trouble: Trouble | None = None
    """Of the repository as a whole, before there was a component."""
    starting_file: str = ""
    """A first `.changeline/repository.yaml` that states what was found, to be corrected by a person."""
    isolation: str = ""
    took_s: float = 0.0

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def verdict(self) -> SuiteVerdict:
        """The worst of its components', unless others can be tested where one is broken."""
        if self.trouble is not None or not self.components:
            return SuiteVerdict.BROKEN
        verdicts = {one.verdict for one in self.components}
        if SuiteVerdict.BROKEN in verdicts and len(verdicts) > 1:
            return SuiteVerdict.PARTLY
        return max(verdicts, key=list(SuiteVerdict).index)

    @property
    def warning(self) -> str | None:
        """What to say before a change is submitted; None when its suite can prove something."""
        if self.verdict not in {SuiteVerdict.BROKEN, SuiteVerdict.PARTLY}:
            return None
        broken = (one for one in self.components if one.verdict is SuiteVerdict.BROKEN)
        stopped = [(self.trouble, ""), *((one.trouble, one.root) for one in broken)]
        trouble, root = next(((one, root) for one, root in stopped if one is not None), (None, ""))
        if trouble is None:
            return "The last check of this repository found nothing that could be run."
        where = f"in {root} " if root not in {"", "."} else ""
        why = (trouble.error if trouble.step is SurveyStep.FIRST_RUN else "") or trouble.message
        partly = " Only a change that touches it stops." if self.verdict is SuiteVerdict.PARTLY else ""
        told = f"The last check says that the suite {where}cannot run: {why.rstrip('.')}. {trouble.remedy}".strip()
        return f"{told}{partly}"
