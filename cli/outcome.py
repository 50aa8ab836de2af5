"""How a change request reads: outcome, pause, what a person can do next. For people and, as plain values, for scripts."""

import shlex
from typing import Any

from rich.markup import escape

from cli.exits import STATUS_EXITS, Exit
from cli.output import Output, one_line, plain_json, printable, status_markup
from controller.change_requests.schemas import ChangeRequestDetail, QueueView
from pipeline.change_request import HeldBy, PauseReason, Stage, Status
from pipeline.effects.kinds import EffectStatus
from pipeline.interventions.intervention import Action, RerunMode
from pipeline.stage.registry import label

_COMMANDS = {
    Action.RESUME: "resume {id} [--instructions TEXT]",
    Action.EDIT: "edit {id} --file FILE",
    Action.ADOPT: "adopt {id}",
    Action.REDIRECT: "redirect {id} TEXT",
    Action.SKIP: "skip {id} [--instructions WHY]",
    Action.TAKEOVER: "takeover {id}",
    Action.HANDBACK: "handback {id} [--instructions TEXT]",
    Action.CLEANUP: "cleanup {id}",
    Action.RERUN: "rerun {id} --mode {mode}{stage}",
    Action.BUDGET: "budget {id} USD",
    Action.PAUSE: "pause {id}",
    Action.ABORT: "abort {id}",
    Action.FAIL: "fail {id} [--instructions WHY]",
    Action.CANCEL: "cancel {id} [--instructions WHY]",
}
_SHORT = 12
_VERIFY = 'changeline evidence verify {file} --repo PATH --fingerprint "$(changeline evidence signer)"'


def stage_words(stage: Stage) -> str:
    """Return what people call a stage."""
    return label(stage).lower()


def exit_of(detail: ChangeRequestDetail) -> Exit:
    """Return the exit code of a command that followed this change request."""
    return STATUS_EXITS.get(detail.status, Exit.NEEDS_PERSON)


def outcome_value(
    detail: ChangeRequestDetail, *, warnings: list[str] | None = None, evidence: str | None = None
) -> dict[str, Any]:
    """Return the outcome for scripts."""
    repository = {"name", "remote", "base_branch", "branch", "base_commit", "head_commit", "merge_commit"}
    pause = detail.pause
    return {
        "id": detail.id,
        "status": detail.status,
        "exit_code": int(exit_of(detail)),
        "title": detail.title,
        "stage": detail.stage,
        "pause": pause.model_dump(mode="json", include={"reason", "message", "facts"}) if pause else None,
        "takeover": plain_json(detail.takeover) if detail.takeover else None,
        "gates": [gate.model_dump(mode="json", include={"id", "kind", "content_hash"}) for gate in detail.gates],
        "repositories": [one.model_dump(mode="json", include=repository) for one in detail.repositories],
        "cost": plain_json(detail.cost),
        "model": plain_json(detail.model),
        "warnings": warnings or [],
        "evidence": evidence,
    }


def print_outcome(out: Output, detail: ChangeRequestDetail, *, evidence: str | None = None) -> None:
    """Print how it ended, or what it waits for."""
    out.line()
    status = status_markup(detail.status, detail.pause.reason if detail.pause else None)
    out.styled(f"{status}  [bold]{escape(one_line(detail.title))}[/bold]  [dim]{detail.id}[/dim]")
    if detail.status is Status.COMPLETED:
        for one in detail.repositories:
            merged = one.merge_commit[:_SHORT] if one.merge_commit else None
            what = f"{one.base_branch} is now {merged}" if merged else "nothing was merged"
            out.line(f"  {one.name}: {what}")
    elif message := _why(detail):
        out.line(f"  {message}")
    print_takeover(out, detail)
    out.line(f"  Cost: {cost_words(detail)}")
    if detail.status is Status.COMPLETED:
        saved = shlex.quote(evidence) if evidence else "FILE"
        how = "" if evidence else f"changeline evidence {detail.id} --output FILE, then "
        out.line(f"  Evidence: {how}{_VERIFY.format(file=saved)}")
    print_choices(out, detail)


def print_takeover(out: Output, detail: ChangeRequestDetail) -> None:
    """Print who works on it by hand, and the commands with which they do."""
    taken = detail.takeover
    if taken is None:
        return
    out.line(f"Taken over by {taken.by} since {taken.since:%Y-%m-%d %H:%M} (at {taken.from_stage})")
    for one in taken.repositories:
        if one.status is EffectStatus.DONE:
            out.line(f"  {one.name}: work on {one.branch} and push it, then hand it back")
            for command in one.commands:
                out.line(f"    {command}")
            if one.message:
                out.line(f"    {one_line(one.message)}")
        elif one.message:
            out.line(f"  {one.name}: not published: {one_line(one.message)}")
        else:
            out.line(f"  {one.name}: {one.branch} is being published")


def print_choices(out: Output, detail: ChangeRequestDetail) -> None:
    """Print the commands that lead on from here."""
    lines = choices(detail)
    if not lines:
        return
    out.line("What you can do:")
    width = max(len(command) for command, _ in lines)
    for command, explanation in lines:
        out.line(f"  {command:<{width}}  {explanation}".rstrip())


def choices(detail: ChangeRequestDetail) -> list[tuple[str, str]]:
    """Return commands with what they do: first the open decision, then what the API says is possible now."""
    lines: list[tuple[str, str]] = []
    source_first = detail.pause is not None and detail.pause.reason is PauseReason.SOURCE_CHANGED
    for gate in [] if source_first else detail.gates:
        lines += [
            (f"changeline approve {detail.id}", f"Look at the {gate.kind} and approve it."),
            (f"changeline sendback {detail.id} --comment TEXT", "Have it worked on again."),
            (f"changeline reject {detail.id} [--comment TEXT]", "End it."),
        ]
    if detail.status is Status.COMPLETED:
        return lines
    for action in detail.actions:
        form = _COMMANDS.get(action.action)
        if form is not None:
            stage = " --stage STAGE" if action.mode is RerunMode.STAGE else ""
            command = form.format(id=detail.id, mode=action.mode or "", stage=stage)
            lines.append((f"changeline {command}", action.explanation))
    return lines


def queue_words(queue: QueueView) -> str:
    """Return the place in the queue and what the queue waits for."""
    taken = f"{queue.running} of {queue.limit} places"
    why = {
        HeldBy.TENANT_LIMIT: f"this tenant has {taken} taken",
        HeldBy.GLOBAL_LIMIT: f"{taken} of all tenants are taken",
        HeldBy.TURN: "it starts in its turn",
    }[queue.held_by]
    return f"number {queue.position} in the queue: {why}"


def cost_words(detail: ChangeRequestDetail) -> str:
    """Return what was spent, of how much."""
    cost = detail.cost
    return f"{cost.spent_usd} of {cost.budget_usd} USD, {cost.calls} model calls"


def _why(detail: ChangeRequestDetail) -> str:
    if detail.status is Status.WAITING:
        kinds = [gate.kind for gate in detail.gates]
        return f"It waits for: {', '.join(kinds) or detail.wait_kind}."
    return printable(detail.pause.message if detail.pause else detail.pause_message).strip()
