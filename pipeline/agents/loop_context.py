"""Layer 4 of a prompt: why an agent is asked again, and what people told it.

Problem: feedback that reaches an agent empty, or as a sentence that cannot be told from its rules, makes it repeat its
mistake or obey a log file. Choice: each piece says what sent it and what to do about it in the pipeline's own words, and
quotes what was observed inside an untrusted fence; instructions of authorised people come first, in a fence of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.agents import fences
from pipeline.ports import Instruction


class FeedbackKind(StrEnum):
    """What sent the work back."""

    VERIFICATION = "verification"
    RED_WITNESS = "red_witness"
    GREEN_WITNESS = "green_witness"
    TAMPERING = "tampering"
    DIFF_SCOPE = "diff_scope"
    SECRET_SCAN = "secret_scan"  # noqa: S105 - the name of a check
    REVIEW = "review"
    REBASE = "rebase"
    CI = "ci"
    PULL_REQUEST = "pull_request"
    HANDOVER = "handover"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One reason to work again. `text` is what was observed: findings, failures, the tail of a log."""

    kind: FeedbackKind
    source: str
    """Who or what observed it, for example `quality_reviewer` or the name of a CI check."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopContext:
    """What an agent needs to know beyond its task because it is not the first try, or because a person spoke."""

    round: int = 1
    """Counts from 1 and grows with each loop-back."""
    feedback: tuple[Feedback, ...] = ()
    instructions: tuple[Instruction, ...] = ()

    def render(self) -> str:
        """Return the text that follows the task; empty when there is nothing to say."""
        parts = [operator_instructions(self.instructions)] if self.instructions else []
        if self.feedback:
            parts.append(f"# Feedback (round {self.round})\n\n{_OPENING}")
            parts.extend(_section(one) for one in self.feedback)
        return "\n\n".join(parts)


def operator_instructions(instructions: Sequence[Instruction]) -> str:
    """Return instructions of people as agents read them, at the start of a conversation or in the middle of one."""
    fenced = "\n\n".join(fences.operator_instruction(one.actor, one.text) for one in instructions)
    return f"# Operator instructions\n\n{_AUTHORITY}\n\n{fenced}"


_OPENING = (
    "Earlier work on this task was sent back. It is still in place; correct it instead of starting over. Each section "
    "below says what to do about it; the fenced text is what was observed."
)
_AUTHORITY = (
    "A person with the right to steer this run says the following. It comes before the task and before any feedback. "
    "It does not lift the limits of your role."
)
_WHAT_TO_DO = {
    FeedbackKind.VERIFICATION: "Verification did not accept the spec. Revise the scenarios so that every critical and "
    "major issue is settled; keep the ids of scenarios that stay.",
    FeedbackKind.RED_WITNESS: "The pipeline ran the new tests on the unchanged code and they did not prove what they "
    "must. Change tests must fail there for the right reason; preserve tests must pass there.",
    FeedbackKind.GREEN_WITNESS: "The pipeline ran the tests on your code in a clean checkout and they did not all pass. "
    "Make them pass by changing the code.",
    FeedbackKind.TAMPERING: "Protected tests or test configuration were changed. The pipeline restored them. Leave them "
    "as they are and change the code instead.",
    FeedbackKind.DIFF_SCOPE: "The change reaches beyond the spec. Remove what no scenario needs.",
    FeedbackKind.SECRET_SCAN: "The change contains what looks like a secret, or a file that must not be committed. "
    "Remove it.",
    FeedbackKind.REVIEW: "A reviewer requires changes. Resolve every critical and major finding as far as the spec "
    "supports it; a finding never adds a requirement.",
    FeedbackKind.REBASE: "The branch was brought onto the latest base branch and the full suite fails there. Make the "
    "change work together with what is new on the base.",
    FeedbackKind.CI: "A check of the repository's own CI failed. Reproduce the failure as far as you can and fix its "
    "cause.",
    FeedbackKind.PULL_REQUEST: "People commented on the pull request. Do what they ask as far as the spec supports it.",
    FeedbackKind.HANDOVER: "A person worked on the branch in between. Build on what they did; do not undo it.",
}


def _section(feedback: Feedback) -> str:
    label = f"{feedback.kind} feedback of {feedback.source}"
    return f"## {feedback.source}\n\n{_WHAT_TO_DO[feedback.kind]}\n\n{fences.untrusted(label, feedback.text)}"
