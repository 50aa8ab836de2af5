"""What each pause reason means to the person who decides: its title, what gets the change request going, where to look.

Problem: a reason whose words stand in the page, in the command line and in the docs drifts apart in three places. Choice: a
reason is one member of `PauseReason` and one entry here; the dashboard's words and the docs' table are generated from it.
Invariant: every reason has an entry; a test holds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.change_request import PauseReason


class View(StrEnum):
    """Where more of the ground for a decision is found; the names of a change request's pages."""

    REQUEST = "request"
    SPEC = "spec"
    TESTS = "tests"
    DIFF = "diff"
    FINDINGS = "findings"
    COST = "cost"
    CONVERSATION = "conversation"


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseReasonDeclaration:
    """One reason, in words for people."""

    title: str
    """What happened, as a heading."""
    next_step: str
    """What gets the change request going again."""
    view: View | None = None
    needs_answer: bool = False
    """Whether the stop asks a question that skipping the stage would leave unanswered."""


PAUSE_REASONS: Mapping[PauseReason, PauseReasonDeclaration] = {
    PauseReason.INPUT_RISK: PauseReasonDeclaration(
        title="The request looks risky",
        next_step="Read the flagged passages. Approve the text (resume) if they are harmless, edit it, or reject it (cancel). What you approve is these passages, nothing found later.",
        needs_answer=True,
    ),
    PauseReason.REQUEST_UNCLEAR: PauseReasonDeclaration(
        title="The request is not clear enough",
        next_step="Say what is meant and resume, or cancel and submit it anew.",
    ),
    PauseReason.REPOSITORIES_UNKNOWN: PauseReasonDeclaration(
        title="No repository could be identified",
        next_step="Name the repository in your instructions and resume.",
    ),
    PauseReason.SPEC_LOOP: PauseReasonDeclaration(
        title="The specification does not settle",
        next_step="Say what the specification gets wrong and resume.",
        view=View.SPEC,
    ),
    PauseReason.SPEC_APPROVAL: PauseReasonDeclaration(
        title="The specification waits for approval",
        next_step="Read the spec and decide.",
        view=View.SPEC,
    ),
    PauseReason.RED_WITNESS: PauseReasonDeclaration(
        title="The new tests do not fail on the old code",
        next_step="Say what a failing test should show and resume.",
        view=View.TESTS,
    ),
    PauseReason.DEVELOPMENT_LOOP: PauseReasonDeclaration(
        title="Development did not converge",
        next_step="Give a hint and resume, or restart from an earlier stage.",
        view=View.TESTS,
    ),
    PauseReason.IDENTICAL_FAILURES: PauseReasonDeclaration(
        title="The same tests keep failing",
        next_step="Look at the failures, give a hint and resume.",
        view=View.TESTS,
    ),
    PauseReason.TESTS_FAILED: PauseReasonDeclaration(
        title="The suite fails",
        next_step="Look at the failures, give a hint and resume.",
        view=View.TESTS,
    ),
    PauseReason.TAMPERING: PauseReasonDeclaration(
        title="Tests or their results were tampered with",
        next_step="Look at the diff before you let it go on.",
        view=View.DIFF,
        needs_answer=True,
    ),
    PauseReason.REVIEW_LOOP: PauseReasonDeclaration(
        title="Reviewers keep objecting",
        next_step="Read the findings; resume with your ruling on them.",
        view=View.FINDINGS,
    ),
    PauseReason.SECRET_FOUND: PauseReasonDeclaration(
        title="A secret stands in the change",
        next_step="Have it removed before anything is delivered.",
        view=View.FINDINGS,
        needs_answer=True,
    ),
    PauseReason.DIFF_SCOPE: PauseReasonDeclaration(
        title="The change reaches outside its scope",
        next_step="Look at the diff; resume if it is right, send it back otherwise.",
        view=View.DIFF,
        needs_answer=True,
    ),
    PauseReason.REBASE_CONFLICT: PauseReasonDeclaration(
        title="The target branch moved and conflicts",
        next_step="Resolve it by hand or say how, then resume.",
        view=View.DIFF,
    ),
    PauseReason.TARGET_CHECKOUT_DIRTY: PauseReasonDeclaration(
        title="The target branch is checked out with changes",
        next_step="Commit or stash them there, then resume.",
    ),
    PauseReason.DELIVERY_FAILED: PauseReasonDeclaration(
        title="Delivery failed",
        next_step="Repair the remote, then resume.",
    ),
    PauseReason.CI_FAILED: PauseReasonDeclaration(
        title="CI failed",
        next_step="Look at its log, then resume.",
    ),
    PauseReason.CI_TIMEOUT: PauseReasonDeclaration(
        title="CI did not answer in time",
        next_step="Look whether it runs, then resume.",
    ),
    PauseReason.REVIEW_TIMEOUT: PauseReasonDeclaration(
        title="Nobody reviewed in time",
        next_step="Find a reviewer, then resume.",
    ),
    PauseReason.SOURCE_CHANGED: PauseReasonDeclaration(
        title="The request itself changed",
        next_step="Begin again with the new text, continue with the old one, or cancel.",
        view=View.REQUEST,
        needs_answer=True,
    ),
    PauseReason.BUDGET: PauseReasonDeclaration(
        title="The budget is used up",
        next_step="Raise the budget and resume, or cancel.",
        view=View.COST,
    ),
    PauseReason.AGENT_TIMEOUT: PauseReasonDeclaration(
        title="An agent took too long",
        next_step="Resume to try again, or give a hint.",
    ),
    PauseReason.AGENT_STUCK: PauseReasonDeclaration(
        title="An agent makes no progress",
        next_step="Give a hint and resume, or run the stage again.",
        view=View.CONVERSATION,
    ),
    PauseReason.MODEL_REFUSED: PauseReasonDeclaration(
        title="The model declined the work",
        next_step="Reword the request or choose another model, then resume.",
        view=View.CONVERSATION,
    ),
    PauseReason.TOTAL_TIME: PauseReasonDeclaration(
        title="The time for this change is used up",
        next_step="Raise the limit and resume, or cancel.",
    ),
    PauseReason.PROVIDERS_DOWN: PauseReasonDeclaration(
        title="No model answers",
        next_step="Check the provider and its key, then resume.",
    ),
    PauseReason.SANDBOX_UNAVAILABLE: PauseReasonDeclaration(
        title="Tools cannot work here",
        next_step="Do what the details say: something keeps tools from starting, or from reading the tree. Then resume.",
    ),
    PauseReason.ENVIRONMENT_FAILED: PauseReasonDeclaration(
        title="The environment cannot be built, or the suite cannot run in it",
        next_step="The details name the command, its first error and the remedy. Do that, then resume.",
    ),
    PauseReason.REMOTE_UNREACHABLE: PauseReasonDeclaration(
        title="The repository cannot be reached",
        next_step="Check the remote, then resume.",
    ),
    PauseReason.MACHINE_SHORT: PauseReasonDeclaration(
        title="The machine ran out of room",
        next_step="Free disk or memory as the message says, then resume.",
    ),
    PauseReason.ATTEMPTS_EXHAUSTED: PauseReasonDeclaration(
        title="All attempts are used up",
        next_step="Rerun from a stage, or cancel.",
    ),
    PauseReason.GRAPH_CHANGED: PauseReasonDeclaration(
        title="Changeline was upgraded under it",
        next_step="Rerun from the stage it had reached.",
    ),
    PauseReason.HUMAN_PAUSE: PauseReasonDeclaration(
        title="Paused by a person",
        next_step="Resume when you are ready.",
    ),
    PauseReason.ABORTED: PauseReasonDeclaration(
        title="Aborted by a person",
        next_step="Resume, rerun from a stage, or cancel.",
    ),
    PauseReason.HANDED_OVER: PauseReasonDeclaration(
        title="A person has taken over",
        next_step="Hand it back when your commits are pushed.",
        needs_answer=True,
    ),
    PauseReason.HANDBACK_REFUSED: PauseReasonDeclaration(
        title="What was handed back cannot be taken",
        next_step="Put the branch right, push it, and hand it back again.",
        needs_answer=True,
    ),
    PauseReason.INTERNAL_ERROR: PauseReasonDeclaration(
        title="Changeline itself failed",
        next_step="Keep the message for a report; resume to try again.",
    ),
}
