"""Every verb, where it stands in the help, and the module that carries it out.

Problem: importing everything that some verb needs takes seconds, and help, completion and a mistyped verb should be
instant. Choice: this table carries names and summaries; a verb's module is imported when the verb is used. Invariant: the
summary here is the first sentence of the verb's own help, which a test compares.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

WORK = "Work"
DECIDE = "Decide and steer"
LOOK = "Look"
SET_UP = "Installation"
MANAGE = "Administration"


@dataclass(frozen=True, slots=True)
class Verb:
    """One line of the help."""

    name: str
    panel: str
    module: str
    summary: str
    hidden: bool = False


VERBS = (
    Verb("run", WORK, "requests", "Carry a change request out from start to end: submit, follow, decide, report."),
    Verb("submit", WORK, "requests", "Submit a change request and print its id."),
    Verb("watch", WORK, "watch", "Follow a change request live."),
    Verb("approve", DECIDE, "decisions", "Approve what a change request waits for, after showing it."),
    Verb("reject", DECIDE, "decisions", "Reject what a change request waits for, which ends it."),
    Verb("sendback", DECIDE, "decisions", "Send a change request back to be worked on again."),
    Verb("resume", DECIDE, "interventions", "Go on with a paused change request."),
    Verb("edit", DECIDE, "request_texts", "Change the text of a request that screening stopped."),
    Verb("adopt", DECIDE, "request_texts", "Begin again with the text that the source of a request has now."),
    Verb("redirect", DECIDE, "interventions", "Tell the agents something while they work."),
    Verb("pause", DECIDE, "interventions", "Stop a change request at once, to go on later."),
    Verb("abort", DECIDE, "interventions", "Stop a running change request and park it."),
    Verb("skip", DECIDE, "interventions", "Skip the opinions of a stage: checkers, reviewers or the retrospective."),
    Verb("takeover", DECIDE, "interventions", "Stop a change request at once and work on its branch yourself."),
    Verb("handback", DECIDE, "interventions", "Hand a branch back that you took over."),
    Verb("rerun", DECIDE, "interventions", "Run a change request again, from a stage or from scratch."),
    Verb("budget", DECIDE, "interventions", "Raise the budget of a change request."),
    Verb("fail", DECIDE, "interventions", "End a change request as failed."),
    Verb("cancel", DECIDE, "interventions", "End a change request as cancelled."),
    Verb(
        "cleanup",
        DECIDE,
        "cleanup",
        "Decide what becomes of the branches, pull requests, snapshots and unsent report that are left.",
    ),
    Verb("list", LOOK, "change_requests", "List change requests, newest first."),
    Verb("show", LOOK, "change_requests", "Show one change request."),
    Verb("request", LOOK, "request_texts", "Show the text of a request, and every text it has had."),
    Verb("diff", LOOK, "change_requests", "Show what a change request changes."),
    Verb("evidence", LOOK, "evidence", "Show, save or verify the evidence of a change request."),
    Verb("replay", LOOK, "replay", "Make a change request's decisions again from its journal, without tokens."),
    Verb("journal", LOOK, "journals", "Export and import the journals of change requests."),
    Verb("prompts", LOOK, "prompts", "Show the prompts that agents work with."),
    Verb("up", SET_UP, "installation", "Start everything on this machine."),
    Verb("down", SET_UP, "installation", "Stop everything that runs on the data directory."),
    Verb("status", SET_UP, "installation", "Show what runs on this machine."),
    Verb("login", SET_UP, "installation", "Print a one-time link that opens the control room in a browser."),
    Verb("backup", SET_UP, "backup", "Save the database, the artifacts and the keys in one file."),
    Verb("restore", SET_UP, "backup", "Make the data directory what a backup holds."),
    Verb("db", SET_UP, "database", "Migrate or check the database."),
    Verb("repo", MANAGE, "repositories", "Manage registered repositories."),
    Verb("settings", MANAGE, "runtime_settings", "Show and change runtime settings, which are kept in versions."),
    Verb("learnings", MANAGE, "learnings", "Decide which learnings enter later prompts."),
    Verb("effects", MANAGE, "effects", "Handle changes to the outside that did not succeed."),
    Verb("controller", SET_UP, "controller", "Serve the API; `up` starts this.", hidden=True),
    Verb("worker", SET_UP, "worker", "Work on change requests; a launcher starts this.", hidden=True),
)
_BY_NAME = {verb.name: verb for verb in VERBS}


def load(name: str) -> TyperCommand | TyperGroup:
    """Import a verb's module and return the command."""
    verb = _BY_NAME[name]
    group: Any = typer.main.get_group(import_module(f"cli.commands.{verb.module}").app)
    command: TyperCommand | TyperGroup = group.commands[name]
    return command


class Verbs(TyperGroup):
    """The root command. Knows names and summaries at once, and imports a verb when it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for verb in VERBS:
            line = TyperCommand(
                verb.name, help=verb.summary, hidden=verb.hidden, rich_help_panel=verb.panel, callback=None
            )
            self.add_command(line)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Replace the summary of the called verb by the verb itself."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name in _BY_NAME else command, rest
