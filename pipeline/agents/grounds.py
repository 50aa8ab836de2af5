"""Whether what an agent looked at is ground enough for what it hands in.

Problem: a reviewer that saw nothing passes as easily as one that read everything. Choice: whoever has tools and used them
in vain, or got only a part of the change and opened nothing of the rest, has handed in nothing: it is told what is
missing, asked again within the same bounds as for any invalid submission, and then a person is. Invariant: what the
machine refused is never the agent's fault; it is told apart by what the calls came back with.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.agents.inspection import Inspection
from pipeline.change_request import PauseReason
from pipeline.proof.shown_diff import Cut

_NAMED_MAX = 20
_REFUSAL_MAX = 400
_UNREADABLE = (
    "Find out why tools cannot read the tree in their sandbox: owner and modes of the data directory, and what mounts "
    "or security modules of this machine deny. Then resume; the agent is asked again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ungrounded:
    """Why a submission does not count."""

    why: str
    """A clause, for the model and for people."""
    remedy: str
    """What the model should do."""
    denied: str = ""
    """The line by which the machine kept it from seeing; empty when it could have looked."""

    def told(self) -> str:
        """Return it as the model reads it."""
        because = f" ({self.denied})" if self.denied else ""
        return f"Not accepted: {self.why}{because}. {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadEnd:
    """How an agent's retries end: the reason, a clause about the agent, and facts for people."""

    reason: PauseReason
    what: str
    facts: Mapping[str, str]


def dead_end(lacking: Ungrounded | None, refusal: str = "") -> DeadEnd:
    """Return what becomes of an agent all of whose submissions were refused; `refusal` is what the last one was told."""
    if lacking is None:
        last = " ".join(refusal.split())
        shown = last if len(last) <= _REFUSAL_MAX else f"{last[:_REFUSAL_MAX]}…"
        what = (
            f"made no valid submission; the last one was refused: {shown.rstrip('.')}"
            if last
            else "made no valid submission"
        )
        return DeadEnd(reason=PauseReason.AGENT_STUCK, what=what, facts={})
    what = f"could not judge: {lacking.why}"
    if not lacking.denied:
        return DeadEnd(reason=PauseReason.AGENT_STUCK, what=what, facts={})
    facts = {"detail": lacking.denied, "remedy": _UNREADABLE}
    return DeadEnd(reason=PauseReason.SANDBOX_UNAVAILABLE, what=what, facts=facts)


def ungrounded(cuts: tuple[Cut, ...], judges: bool, seen: Inspection, root: str) -> Ungrounded | None:
    """Return what is missing of a submission by an agent with read-only tools at `root`; None when nothing is.

    Who only prepares (requirements, specs) may look for files in vain; who judges may not have looked in vain alone.
    """
    blind = _blind(seen) if judges or seen.denied else None
    return blind or next((found for cut in cuts if (found := _unread(cut, seen, root))), None)


def _blind(seen: Inspection) -> Ungrounded | None:
    if seen.saw or not seen.calls or (seen.failed < seen.calls and not seen.denied):
        return None
    calls = "the only tool call" if seen.calls == 1 else f"all {seen.calls} tool calls"
    if seen.denied:
        return Ungrounded(
            why=f"{calls} came back without a look at the repository, which the tools could not read",
            remedy="Try once more to open the files that this is about. If it still fails, hand in again all the same: "
            "the pipeline stops then, and a person mends the tools.",
            denied=seen.denied,
        )
    return Ungrounded(
        why=f"{calls} failed, so nothing of the repository was seen",
        remedy="Open the files that this is about.",
    )


def _unread(cut: Cut, seen: Inspection, root: str) -> Ungrounded | None:
    if not cut.unseen and seen.saw:
        return None
    if cut.unseen and seen.opened(cut.unseen, root):
        return None
    named = ", ".join(cut.unseen[:_NAMED_MAX])
    more = f" and {len(cut.unseen) - _NAMED_MAX} more" if len(cut.unseen) > _NAMED_MAX else ""
    none = f"none of the files that are missing was opened: {named}{more}" if cut.unseen else "no file was opened"
    return Ungrounded(
        why=f"the {cut.what} was cut after {cut.whole} of {cut.files} files, and {none}",
        remedy="Open those that matter most, to their end.",
    )
