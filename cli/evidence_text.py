"""An evidence bundle in words: asked, promised, proven, judged, paid, approved."""

from rich.markup import escape

from cli.output import Output, one_line
from pipeline.evidence.bundle import EvidenceBundle, InspectionRecord, RepositoryEvidence, RunRecord, WitnessRecord
from pipeline.proof import inverted, mutated, reverted
from pipeline.proof.baseline import suite_in_words
from pipeline.proof.neutral import verdict as neutral

_SHORT = 12
_FILES_NAMED = 5


def print_bundle(out: Output, content: bytes) -> None:
    """Print what a bundle says. It is not checked here; `evidence verify` does that."""
    bundle = EvidenceBundle.model_validate_json(content)
    sections = bundle.sections
    subject = sections.subject
    _heading(out, one_line(subject.title), f"{subject.cr_id}, attempt {subject.attempt}")
    scripted = ", scripted models" if subject.models_are_scripted else ""
    out.line(
        f"  Requested by {subject.requested_by} at {subject.requested_at}; Changeline {subject.product_version}{scripted}"
    )
    _heading(out, "Asked")
    for criterion in sections.request.criteria:
        out.line(f"  {criterion.id}  {one_line(criterion.text)}")
    for flag in sections.screening:
        out.line(f"  {flag.risk.value} risk ({flag.pattern}): {one_line(flag.quote)}")
    for repository in sections.repositories:
        _print_repository(out, repository)
    _heading(out, "Reviewed")
    for review in sections.reviews:
        out.line(f"  {review.reviewer.replace('_', ' ')}: {review.verdict}  {one_line(review.summary)}".rstrip())
        if review.inspection is not None:
            out.line(f"    {_inspection_line(review.inspection)}")
        for finding in review.findings:
            out.line(f"    {finding.severity.value} {finding.category}: {one_line(finding.message)}")
    _heading(out, "Agents")
    rows = [
        (one.role, ", ".join(one.models), one.calls, one.output_tokens, one.cost_usd, one.prompt_sha256[:_SHORT])
        for one in sections.roles
    ]
    out.table(("role", "models", "calls", "output tokens", "USD", "prompt"), rows, empty="No agent worked.")
    _heading(out, "Approved")
    for skip in sections.skipped:
        out.line(f"  {skip.actor} skipped {skip.stage}: {one_line(skip.reason)}", "yellow")
    for approval in sections.approvals:
        word = "approved" if approval.approved else "refused"
        out.line(
            f"  {approval.gate}: {word} by {approval.actor} at {approval.at}  {one_line(approval.comment)}".rstrip()
        )
        out.line(f"    bound to {approval.content_hash}")
    out.line()
    out.line(f"Signed by {bundle.signature.fingerprint}")


def _inspection_line(seen: InspectionRecord) -> str:
    named = ", ".join(one_line(path) for path in seen.files[:_FILES_NAMED])
    more = f" and {seen.files_opened - _FILES_NAMED} more" if seen.files_opened > _FILES_NAMED and named else ""
    opened = f"opened {seen.files_opened} files: {named}{more}" if named else f"opened {seen.files_opened} files"
    failed = f", {seen.failed} of {seen.calls} tool calls failed" if seen.failed else ""
    return f"{opened}; {seen.commands} commands in {seen.turns} turns{failed}"


def _print_repository(out: Output, repository: RepositoryEvidence) -> None:
    commits, witness = repository.commits, repository.witness
    _heading(out, f"Promised in {repository.name}", f"behaviour spec, revision {repository.spec.revision}")
    for scenario in repository.spec.scenarios:
        tests = f"{len(scenario.tests)} tests"
        out.line(f"  {scenario.kind.value:<8} {one_line(scenario.title)}  ({', '.join(scenario.criteria)}; {tests})")
    for old in repository.old_tests or ():
        test = one_line(f"{old.path}::{old.name}" if old.name else old.path)
        why = f": {one_line(old.why)}" if old.why else ""
        out.line(f"  {old.decision.value:<9} old test {test} under {old.scenario}{why}", "yellow")
    _heading(out, "Proven")
    out.line(
        f"  base {commits.base.sha[:_SHORT]} → tests {commits.tests.sha[:_SHORT]} → head {commits.head.sha[:_SHORT]}"
    )
    if commits.merge is not None:
        out.line(f"  merged into {repository.base_branch} as {commits.merge.sha[:_SHORT]}")
    _run(out, "red: new tests before the change", witness.red, holds=witness.red_verdict.ok)
    if witness.preserve_base is not None:
        _run(out, "preserved behaviour before the change", witness.preserve_base, holds=witness.preserve_verdict.ok)
    _run(out, "green: new tests", witness.change, holds=witness.green_verdict.ok)
    _further(out, witness)
    suite, compared = witness.suite_head, witness.suite_verdict
    mark = "✗" if not compared.ok else "✓" if suite.report.ok else "="
    words = f"full suite {suite_in_words(suite.report, compared)} at {suite.commit[:_SHORT]}"
    out.line(f"  {mark} {words}{'; no worse than the base' if mark == '=' else ''}")
    for test in compared.flaky:
        out.line(f"      flaky: {one_line(test)}")


def _further(out: Output, witness: WitnessRecord) -> None:
    """Print what says whether the results can be trusted; a witness that could not be called is no tick."""
    if (planted := witness.inverted_verdict) is not None:
        mark = "✗" if not planted.ok else "✓" if planted.trust is inverted.Trust.CONFIRMED else "="
        out.line(f"  {mark} inverted: {one_line(inverted.in_words(planted))}")
    if (called := witness.neutral_verdict) is not None:
        mark = "✗" if not called.ok else "=" if called.not_possible else "✓"
        out.line(f"  {mark} neutral: {one_line(neutral.in_words(called))}")
    if (taken := witness.reverted_verdict) is not None:
        out.line(f"  {'✓' if taken.ok else '✗'} reverted: {one_line(reverted.in_words(taken))}")
    if (tried := witness.mutated_verdict) is not None:
        mark = "=" if tried.score is None or tried.survivors else "✓"
        out.line(f"  {mark} mutated: {one_line(mutated.in_words(tried))}")


def _run(out: Output, name: str, run: RunRecord, *, holds: bool) -> None:
    outcomes = [case.outcome.value for case in run.report.cases]
    counts = ", ".join(f"{outcomes.count(kind)} {kind}" for kind in sorted(set(outcomes))) or "no tests"
    out.line(f"  {'✓' if holds else '✗'} {name}: {counts} at {run.commit[:_SHORT]}")


def _heading(out: Output, text: str, beside: str = "") -> None:
    out.line()
    out.styled(f"[bold]{escape(text)}[/bold]  [dim]{escape(beside)}[/dim]")
