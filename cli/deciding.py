"""Open decisions: showing what a person would approve, and deciding on exactly that.

Invariant: what is sent is the hash of what was shown; if the content changed in between, the controller refuses.
"""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from cli.client import Client
from cli.following import path_of
from cli.output import Output, one_line
from controller.change_requests.schemas import ChangeRequestDetail
from controller.gates.schemas import Decision, GateInbox, GateStatus, GateView
from pipeline.errors import CallerError

_SHORT = 12
_FILES_SHOWN = 40


def open_gate(client: Client, cr_id: str, *, kind: str | None = None) -> GateView | None:
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
    out.styled(
        f"[bold]{escape(one_line(content.get('title') or gate.title))}[/bold]  [dim]{gate.kind} of {gate.cr_id}[/dim]"
    )
    if content.get("summary"):
        out.line(f"  {one_line(content['summary'])}")
    for criterion in content.get("criteria", []):
        out.line(f"  {criterion['id']}  {one_line(criterion['text'])}")
    for name, repository in content.get("repositories", {}).items():
        _show_repository(out, name, repository)
    for flag in content.get("risk_flags", []):
        out.styled(f"  [yellow]{escape(one_line(flag['risk']))} risk[/yellow] {escape(one_line(flag['quote']))}")
    for line in content.get("skipped", []):
        out.styled(f"  [yellow]skipped[/yellow] {escape(one_line(line))}")
    if "cost_usd" in content:
        scripted = ", by scripted models" if content.get("scripted") else ""
        out.line(f"  Cost so far: {content['cost_usd']} USD{scripted}")
    out.line(f"  Content hash: {gate.content_hash}")


def _show_repository(out: Output, name: str, repository: Mapping[str, Any]) -> None:
    heads = " → ".join(str(repository[key])[:_SHORT] for key in ("base", "head") if repository.get(key))
    out.line()
    out.styled(
        f"  [bold]{escape(one_line(name))}[/bold] into {escape(one_line(repository.get('base_branch', '')))}  [dim]{heads}[/dim]"
    )
    for scenario in repository.get("scenarios", []):
        criteria = ", ".join(scenario.get("criteria", []))
        out.line(f"    {scenario['kind']:<8} {one_line(scenario['title'])}  ({criteria})")
    files = repository.get("files", [])
    for file in files[:_FILES_SHOWN]:
        out.line(f"    {str(file['status'])[:1].upper()} {one_line(file['path'])}  +{file['added']} -{file['removed']}")
    if len(files) > _FILES_SHOWN:
        out.line(f"    … and {len(files) - _FILES_SHOWN} more files")
    if repository.get("suite"):
        out.line(f"    Full suite: {one_line(repository['suite'])}")
    for test in repository.get("pre_existing_failures", []):
        out.line(f"    Fails on the base branch too: {one_line(test)}")
    for finding in repository.get("findings", []):
        out.line(f"    Finding: {one_line(finding)}")
