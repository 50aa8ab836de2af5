"""Open decisions: showing what a person would approve, and deciding on exactly that.

Invariant: what is sent is the hash of what was shown; if the content changed in between, the controller refuses.
"""

from rich.markup import escape

from cli.change_requests import path_of
from cli.client import Client
from cli.output import Output, one_line
from controller.change_requests.schemas import ChangeRequestDetail
from controller.gates.schemas import GateInbox, GateView
from pipeline.errors import CallerError
from pipeline.gates.content import ReleaseContent, ShownChange, SpecContent
from pipeline.gates.gate import Decision, GateKind, GateStatus

_SHORT = 12
_FILES_SHOWN = 40


def open_gate(client: Client, cr_id: str, *, kind: GateKind | None = None) -> GateView | None:
    """Return the oldest open decision of a change request, of one kind if asked for."""
    found = client.get("/api/v1/gates", GateInbox, cr_id=cr_id, status=GateStatus.OPEN.value).items
    return next((gate for gate in found if kind in {None, gate.kind}), None)


def required_gate(client: Client, cr_id: str) -> GateView:
    """Return the open decision; raises `CallerError` when there is none."""
    gate = open_gate(client, cr_id)
    if gate is None:
        status = client.get(path_of(cr_id), ChangeRequestDetail).status
        raise CallerError(
            f"{cr_id} is {status} and waits for no decision.", field="CR", remedy=f"See `changeline show {cr_id}`."
        )
    return gate


def decide(
    client: Client, gate: GateView, decision: Decision, *, comment: str = "", content_hash: str | None = None
) -> GateView:
    """Decide, bound to the content that was shown. Raises `Conflict` when it changed since."""
    body = {"decision": decision.value, "content_hash": content_hash or gate.content_hash, "comment": comment}
    return client.post(f"/api/v1/gates/{gate.id}/decision", GateView, body)


def show_gate(out: Output, gate: GateView) -> None:
    """Print everything that the decision is about."""
    content = gate.content
    out.line()
    out.styled(f"[bold]{escape(one_line(content.title or gate.title))}[/bold]  [dim]{gate.kind} of {gate.cr_id}[/dim]")
    match content:
        case ReleaseContent():
            _show_release(out, content)
        case SpecContent():
            _show_specs(out, content)
    out.line(f"  Content hash: {gate.content_hash}")


def _show_release(out: Output, content: ReleaseContent) -> None:
    if content.summary:
        out.line(f"  {one_line(content.summary)}")
    for criterion in content.criteria:
        out.line(f"  {criterion.id}  {one_line(criterion.text)}")
    for name, change in content.repositories.items():
        _show_change(out, name, change)
    for flag in content.risk_flags:
        out.styled(f"  [yellow]{escape(one_line(flag.risk))} risk[/yellow] {escape(one_line(flag.quote))}")
    for line in content.skipped:
        out.styled(f"  [yellow]skipped[/yellow] {escape(one_line(line))}")
    if content.cost_usd:
        scripted = ", by scripted models" if content.scripted else ""
        out.line(f"  Cost so far: {content.cost_usd} USD{scripted}")


def _show_specs(out: Output, content: SpecContent) -> None:
    for name, feature in content.specs.items():
        out.line()
        out.styled(f"  [bold]{escape(one_line(name))}[/bold]")
        for line in feature.splitlines():
            out.line(f"    {one_line(line)}")


def _show_change(out: Output, name: str, change: ShownChange) -> None:
    heads = " → ".join(commit[:_SHORT] for commit in (change.base, change.head) if commit)
    out.line()
    out.styled(
        f"  [bold]{escape(one_line(name))}[/bold] into {escape(one_line(change.base_branch))}  [dim]{heads}[/dim]"
    )
    for scenario in change.scenarios:
        out.line(f"    {scenario.kind:<8} {one_line(scenario.title)}  ({', '.join(scenario.criteria)})")
    for file in change.files[:_FILES_SHOWN]:
        out.line(f"    {file.status[:1].upper()} {one_line(file.path)}  +{file.added} -{file.removed}")
    if len(change.files) > _FILES_SHOWN:
        out.line(f"    … and {len(change.files) - _FILES_SHOWN} more files")
    for old in change.old_tests:
        test = f"{old.path}::{old.name}" if old.name else old.path
        out.line(f"    Old test {old.decision} for {old.scenario}: {one_line(test)}")
    for path in change.left_out[:_FILES_SHOWN]:
        out.line(f"    Left out: {one_line(path)}")
    if change.suite:
        out.line(f"    Full suite: {one_line(change.suite)}")
    for line in _further(change):
        out.line(f"    {one_line(line)}")
    for test in change.pre_existing_failures:
        out.line(f"    Fails on the base branch too: {one_line(test)}")
    for finding in change.findings:
        out.line(f"    Finding: {one_line(finding)}")


def _further(change: ShownChange) -> list[str]:
    """Return what the witnesses beside red and green showed, as far as they were called."""
    told = (
        ("Inverted", change.inverted),
        ("Neutral", change.neutral),
        ("Reverted", change.reverted),
        ("Mutated", change.mutated),
    )
    return [f"{name}: {said}" for name, said in told if said]
