"""How a change request reads: outcome, pause, what a person can do next. For people and, as plain values, for scripts."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from cli.exits import STATUS_EXITS, Exit
from cli.output import Output, one_line, printable, status_markup
from pipeline.change_request import Stage
from pipeline.stage.registry import label

Detail = Mapping[str, Any]

_COMMANDS = {
    "resume": "resume {id} [--instructions TEXT]",
    "edit": "edit {id} --file FILE",
    "adopt": "adopt {id}",
    "redirect": "redirect {id} TEXT",
    "skip": "skip {id} [--instructions WHY]",
    "takeover": "takeover {id}",
    "handback": "handback {id} [--instructions TEXT]",
    "cleanup": "cleanup {id}",
    "rerun": "rerun {id} --mode {mode}{stage}",
    "budget": "budget {id} USD",
    "pause": "pause {id}",
    "abort": "abort {id}",
    "fail": "fail {id} [--instructions WHY]",
    "cancel": "cancel {id} [--instructions WHY]",
}
_SHORT = 12


def stage_words(name: str) -> str:
    """Return what people call a stage, also one that only a newer controller knows."""
    return label(Stage(name)).lower() if name in list(Stage) else name.replace("_", " ")


def exit_of(detail: Detail) -> Exit:
    """Return the exit code of a command that followed this change request."""
    return STATUS_EXITS.get(str(detail["status"]), Exit.NEEDS_PERSON)


def outcome_value(detail: Detail, *, warnings: list[str] | None = None, evidence: str | None = None) -> dict[str, Any]:
    """Return the outcome for scripts."""
    repositories = ("name", "remote", "base_branch", "branch", "base_commit", "head_commit", "merge_commit")
    pause = detail.get("pause")
    return {
        "id": detail["id"],
        "status": detail["status"],
        "exit_code": int(exit_of(detail)),
        "title": detail["title"],
        "stage": detail.get("stage"),
        "pause": {key: pause[key] for key in ("reason", "message", "facts")} if pause else None,
        "takeover": detail.get("takeover"),
        "gates": [{key: gate[key] for key in ("id", "kind", "content_hash")} for gate in detail.get("gates", [])],
        "repositories": [{key: one.get(key) for key in repositories} for one in detail.get("repositories", [])],
        "cost": detail.get("cost"),
        "model": detail.get("model"),
        "warnings": warnings or [],
        "evidence": evidence,
    }


def print_outcome(out: Output, detail: Detail, *, evidence: str | None = None) -> None:
    """Print how it ended, or what it waits for."""
    out.line()
    out.styled(f"{status_markup(detail)}  [bold]{escape(one_line(detail['title']))}[/bold]  [dim]{detail['id']}[/dim]")
    if detail["status"] == "completed":
        for one in detail.get("repositories", []):
            merged = str(one.get("merge_commit") or "")[:_SHORT]
            what = f"{one['base_branch']} is now {merged}" if merged else "nothing was merged"
            out.line(f"  {one['name']}: {what}")
    elif message := _why(detail):
        out.line(f"  {message}")
    print_takeover(out, detail)
    out.line(f"  Cost: {cost_words(detail)}")
    if detail["status"] == "completed":
        saved = evidence or "FILE"
        how = "" if evidence else f"changeline evidence {detail['id']} --output FILE, then "
        out.line(f"  Evidence: {how}changeline evidence verify {saved} --repo PATH")
    print_choices(out, detail)


def print_takeover(out: Output, detail: Detail) -> None:
    """Print who works on it by hand, and the commands with which they do."""
    taken = detail.get("takeover")
    if not taken:
        return
    out.line(f"Taken over by {taken['by']} since {taken['since'][:16].replace('T', ' ')} (at {taken['from_stage']})")
    for one in taken["repositories"]:
        if one["status"] == "done":
            out.line(f"  {one['name']}: work on {one['branch']} and push it, then hand it back")
            for command in one["commands"]:
                out.line(f"    {command}")
            if one["message"]:
                out.line(f"    {one_line(one['message'])}")
        elif one["message"]:
            out.line(f"  {one['name']}: not published: {one_line(one['message'])}")
        else:
            out.line(f"  {one['name']}: {one['branch']} is being published")


def print_choices(out: Output, detail: Detail) -> None:
    """Print the commands that lead on from here."""
    lines = choices(detail)
    if not lines:
        return
    out.line("What you can do:")
    width = max(len(command) for command, _ in lines)
    for command, explanation in lines:
        out.line(f"  {command:<{width}}  {explanation}".rstrip())


def choices(detail: Detail) -> list[tuple[str, str]]:
    """Return commands with what they do: first the open decision, then what the API says is possible now."""
    lines: list[tuple[str, str]] = []
    cr_id = detail["id"]
    source_first = (detail.get("pause") or {}).get("reason") == "source_changed"
    for gate in [] if source_first else detail.get("gates", []):
        lines += [
            (f"changeline approve {cr_id}", f"Look at the {gate['kind']} and approve it."),
            (f"changeline sendback {cr_id} --comment TEXT", "Have it worked on again."),
            (f"changeline reject {cr_id} [--comment TEXT]", "End it."),
        ]
    if detail["status"] == "completed":
        return lines
    for action in detail.get("actions", []):
        form = _COMMANDS.get(action["action"])
        if form is not None:
            stage = " --stage STAGE" if action.get("mode") == "stage" else ""
            command = form.format(id=cr_id, mode=action.get("mode") or "", stage=stage)
            lines.append((f"changeline {command}", str(action["explanation"])))
    return lines


def queue_words(queue: Mapping[str, Any]) -> str:
    """Return the place in the queue and what the queue waits for."""
    taken = f"{queue['running']} of {queue['limit']} places"
    why = {
        "tenant_limit": f"this tenant has {taken} taken",
        "global_limit": f"{taken} of all tenants are taken",
    }.get(queue["held_by"], "it starts in its turn")
    return f"number {queue['position']} in the queue: {why}"


def cost_words(detail: Detail) -> str:
    """Return what was spent, of how much."""
    cost = detail.get("cost") or {}
    spent = cost.get("spent_usd", detail.get("cost_usd", "0"))
    calls = f", {cost['calls']} model calls" if "calls" in cost else ""
    return f"{spent} of {cost.get('budget_usd', detail.get('budget_usd', '?'))} USD{calls}"


def _why(detail: Detail) -> str:
    pause = detail.get("pause") or {}
    if detail["status"] == "waiting":
        kinds = [gate["kind"] for gate in detail.get("gates", [])]
        return f"It waits for: {', '.join(kinds) or detail.get('wait_kind')}."
    return printable(pause.get("message") or detail.get("pause_message") or "").strip()
