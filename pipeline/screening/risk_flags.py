"""Risk flags of a request: found by patterns and by a model, united, kept for reviewers, evidence and people."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from pipeline.agents.fences import fact
from pipeline.change_request import PauseReason
from pipeline.findings import Risk, RiskFlag
from pipeline.screening.screen import screen_text
from pipeline.stage.artifacts import Artifact
from pipeline.stage.pause_facts import RiskyPassages
from pipeline.stage.run import StageRun

FLAGS = Artifact("screening", TypeAdapter(list[RiskFlag]))
FLAGS_NAME = "flags.json"
PASSAGES = Artifact("screening", TypeAdapter(list[tuple[str, str]]))
"""Pattern and quote of what a person has let pass."""
ACCEPTED_NAME = "accepted.json"
_TOLD_MAX = 3
_QUOTE_MAX = 120


def pattern_flags(run: StageRun) -> list[RiskFlag]:
    """Return what the patterns find in the request; works without any model and cannot itself be steered."""
    return screen_text(run.context.request_text, run.context.known_hosts)


def merge_flags(*passes: Sequence[RiskFlag]) -> list[RiskFlag]:
    """Join passes; one passage keeps its highest risk."""
    order = [Risk.LOW, Risk.MEDIUM, Risk.HIGH]
    best: dict[tuple[str, str], RiskFlag] = {}
    for flag in (flag for found in passes for flag in found):
        key = (flag.pattern, flag.quote)
        if key not in best or order.index(flag.risk) > order.index(best[key].risk):
            best[key] = flag
    return sorted(best.values(), key=lambda flag: (-order.index(flag.risk), flag.start))


async def stopping_flags(run: StageRun, flags: Sequence[RiskFlag]) -> list[RiskFlag]:
    """Return the high flags that stop the request: those no person has looked at and let pass.

    What a person accepts is what the pause showed, passage by passage, and nothing that is found later.
    """
    if not run.context.settings.security.pause_on_high_risk:
        return []
    accepted = await PASSAGES.load(run.context.artifacts, ACCEPTED_NAME) or []
    shown = run.shown(PauseReason.INPUT_RISK, RiskyPassages)
    if shown is not None:
        accepted += [pair for flag in shown.flags if (pair := (flag.pattern, flag.quote)) not in accepted]
        await PASSAGES.save(run.context.artifacts, ACCEPTED_NAME, accepted)
    return [flag for flag in flags if flag.risk is Risk.HIGH and (flag.pattern, flag.quote) not in accepted]


def told(flags: Sequence[RiskFlag]) -> str:
    """Say which passages stop a request and why; what people cannot see is written out."""
    count = f"{len(flags)} passages" if len(flags) > 1 else "one passage"
    passages = [f"“{_short(fact(flag.quote))}”: {fact(flag.explanation)}" for flag in flags[:_TOLD_MAX]]
    rest = [f"And {len(flags) - _TOLD_MAX} more."] if len(flags) > _TOLD_MAX else []
    return " ".join([f"Screening found {count} that may steer agents.", *passages, *rest])


def _short(quote: str) -> str:
    return quote if len(quote) <= _QUOTE_MAX else f"{quote[: _QUOTE_MAX - 1]}…"


async def save_flags(run: StageRun, flags: Sequence[RiskFlag]) -> None:
    """Store the flags of this change request."""
    await FLAGS.save(run.context.artifacts, FLAGS_NAME, list(flags))


async def load_flags(run: StageRun) -> list[RiskFlag]:
    """Return the stored flags."""
    return await FLAGS.load(run.context.artifacts, FLAGS_NAME) or []
