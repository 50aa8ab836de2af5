"""Where a run begins: with nothing, or from a stage with what came before it.

A person who runs a change request again from a stage wants everything from there on anew: results of that stage and of
later ones are forgotten, and of what they found out about the repositories only what earlier stages did is kept. A new
attempt that begins in the middle takes over specs and proofs of the one before.
"""

from langchain_core.runnables import RunnableConfig

from pipeline.change_request import Stage
from pipeline.stage.known import KnownRun, run_of
from pipeline.stage.registry import declared, handback_stage, line_stages
from pipeline.stage.state import RepositoryState, RunState
from pipeline.store import checkpoints
from pipeline.store.runs import Restart
from worker.wiring import Hands


def thread(hands: Hands, attempt: int, number: int) -> RunnableConfig:
    """Return the saver's thread of a run; each beginning has its own."""
    return {"configurable": {"thread_id": checkpoints.thread_id(hands.order.cr_id, attempt, number)}}


async def first_state(hands: Hands, restarts: list[Restart]) -> RunState:
    """Return the state that a thread begins with. Idempotent until the thread has its first checkpoint."""
    empty: RunState = {"repositories": {}, "outcomes": {}, "loops": {}, "notes": {}}
    if not restarts:
        return empty
    restart = restarts[-1]
    if restart.stage is None:
        return {
            **empty,
            "notes": {
                stage.value: restart.intervention_id for stage in line_stages() if declared(stage).told_at_the_start
            },
        }
    if restart.stage is handback_stage():
        return await _after_takeover(hands, restart)
    await hands.context.results.invalidate([stage for stage in Stage if stage.number >= restart.stage.number])
    begun: RunState = {**empty, "notes": {restart.stage.value: restart.intervention_id}, "goto": restart.stage.value}
    if not _repositories_known(restart.stage):
        return begun
    earlier = await _earlier(hands, restart)
    if earlier is None:
        return {**begun, "goto": line_stages()[0].value}
    begun["repositories"] = {name: _before(restart.stage, facts) for name, facts in earlier.repositories.items()}
    if (gate := _approved_before(restart.stage)) is not None:
        begun |= {"goto": gate.value} if earlier.approval is None else {"approval": earlier.approval}
    return begun


async def _after_takeover(hands: Hands, restart: Restart) -> RunState:
    """Return everything as it stood when a person took over, without the approval, because the heads may be others.

    How an earlier hand back went is forgotten too: this one has not been looked at.
    """
    sync = handback_stage().value
    earlier = await _earlier(hands, restart) or KnownRun()
    return {
        "repositories": dict(earlier.repositories),
        "outcomes": {key: one for key, one in earlier.outcomes.items() if key != sync},
        "loops": dict(earlier.loops),
        "notes": {**earlier.notes, sync: restart.intervention_id},
        "goto": sync if earlier.repositories else line_stages()[0].value,
    }


async def _earlier(hands: Hands, restart: Restart) -> KnownRun | None:
    """Return the newest state before this beginning, of this attempt or of the one before."""
    attempt = hands.order.attempt
    candidates = [(attempt, number) for number in range(restart.number - 1, -1, -1)]
    if attempt > 1:
        before = len(await hands.runs.restarts(attempt - 1))
        candidates += [(attempt - 1, number) for number in range(before, -1, -1)]
    for of_attempt, number in candidates:
        values: RunState = (await hands.line.aget_state(thread(hands, of_attempt, number))).values  # type: ignore[assignment]  # the graph's own schema
        earlier = run_of(values)
        if earlier.repositories:
            if of_attempt != attempt:
                await hands.context.results.carry_over(of_attempt)
            return earlier
    return None


def _repositories_known(stage: Stage) -> bool:
    return any(declared(one).names_repositories for one in line_stages() if one.number < stage.number)


def _approved_before(stage: Stage) -> Stage | None:
    """Return the stage before `stage` whose approval a run needs that begins there."""
    before = [one for one in line_stages() if one.number < stage.number]
    return next((one for one in before if (gate := declared(one).gate) is not None and gate.approval_binds), None)


def _before(stage: Stage, facts: RepositoryState) -> RepositoryState:
    """Keep what stages before `stage` found out."""
    later = {name for one in Stage if one.number >= stage.number for name in declared(one).finds}
    kept: RepositoryState = {name: value for name, value in facts.items() if name not in later}  # type: ignore[assignment]  # a part of a typed dictionary
    return kept
