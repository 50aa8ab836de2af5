"""The pipeline's own full suite on what a person handed back, beside the base's: a verdict, not the person's word."""

from dataclasses import dataclass

from pipeline.coding.handback import Handback
from pipeline.proof.baseline import suite_in_words
from pipeline.proof.protected_tests import is_protected
from pipeline.records import RunPurpose
from pipeline.stage import proving, suites
from pipeline.stage.prepared import Prepared
from pipeline.stage.run import StageRun


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteAfter:
    """How the suite ended on a handed back commit. `problems` are lines for people and agents."""

    commit: str
    ok: bool
    summary: str
    problems: tuple[str, ...]
    tail: str
    prepared: Prepared

    def told(self) -> str:
        """Return it as agents read it."""
        return "\n".join([f"Full suite: {self.summary}", *self.problems[:50], *([] if self.ok else ["", self.tail])])


async def run_suite(run: StageRun, name: str, back: Handback) -> SuiteAfter:
    """Run and keep the full suite of a handed back commit."""
    baseline, base = await proving.baseline(run, name, back.base, await proving.environment_of(run, name, back.base))
    prepared = (await proving.environment_of(run, name, back.head, base=back.base)).without(base.absent)
    measured = suites.Ground(commit=back.base, prepared=base, report=baseline)
    report = await proving.prove(
        run,
        name=name,
        commit=back.head,
        purpose=RunPurpose.HANDED_BACK,
        selection=None,
        prepared=prepared,
        base=measured,
    )
    changed = await run.context.repositories[name].changed_files(back.base, back.head)
    patterns = prepared.test_patterns
    rewritten = [file.path for file in changed if file.status != "A" and is_protected(file.path, patterns)]
    found = await suites.compared(
        run, name, retired=rewritten,
        base=measured,
        head=suites.Ground(commit=back.head, prepared=prepared, report=report),
    )  # fmt: skip
    compared = found.suite
    await proving.keep(
        run, name, purpose=RunPurpose.HANDED_BACK, commit=back.head, report=report, ok=compared.ok,
        verdict={"suite": proving.plain(compared)},
    )  # fmt: skip
    named = {"fails": compared.new_failures, "is gone": compared.disappeared, "is skipped": compared.newly_skipped}
    problems = [f"{test} {what}" for what, tests in named.items() for test in tests]
    return SuiteAfter(
        commit=back.head, ok=compared.ok, summary=suite_in_words(report, compared), problems=(*problems, *compared.problems),
        tail=report.output_tail[-3_000:], prepared=prepared,
    )  # fmt: skip
