"""One lease, executed: load, run the line from where it stands, report, release.

Delivery semantics. The lease is this process's alone until its epoch ends; every write is fenced by it. SIGTERM finishes
the running step and leaves the change request queued. A lost lease or database ends the process without a report: the
reaper takes over and the next epoch goes on from checkpoint and journal. A crash between an effect and its record is the
effect table's matter, not ours. A run that returns without having reached the end is a pause, never a success.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from typing import Never

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import get_checkpoint_id
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command

from pipeline.change_request import Move, PauseReason, Status, WaitKind
from pipeline.errors import ChangelineError, DatabaseAway, LeaseLost, Parked, PersonNeeded, TransientError
from pipeline.events import WorkerStarted
from pipeline.identifiers import new_id
from pipeline.line.graph import Line
from pipeline.line.version import graph_version
from pipeline.machine import shortage
from pipeline.stage import state as states
from pipeline.stage.known import outcome_of, repositories_of, run_of, wait_of
from pipeline.stage.registry import line_stages
from pipeline.stage.state import RunState
from pipeline.store import checkpoints
from pipeline.store.runs import Ending
from worker.control import Stop
from worker.patience import Patience
from worker.restarting import first_state, thread
from worker.upgrading import begin_anew, finished, known_values, misfit, taken_over
from worker.wiring import Hands

DONE_EXIT = 0
FENCED_EXIT = 75
DATABASE_EXIT = 74


async def execute(hands: Hands, stop: Callable[[], Awaitable[Stop]], drain: RunControl) -> int:
    """Run to the next wait, pause or end; returns the process's exit code."""
    log = structlog.get_logger().bind(cr_id=hands.order.cr_id, epoch=hands.order.epoch)
    try:
        ending = await _run_until_stopped(hands, stop, drain)
        if ending is not None:
            await _leave(hands, ending)
            await hands.context.snapshots.settle()
            if ending.move is Move.COMPLETE:
                await _prune(hands)
            log.info("run_left", status=ending.status.value, reason=ending.reason)
    except LeaseLost:
        log.warning("lease_lost")
        return FENCED_EXIT
    except TransientError as problem:
        log.warning("database_away", problem=problem.message)
        return DATABASE_EXIT
    return DONE_EXIT


async def _prune(hands: Hands) -> None:
    """Give back what the change request took in the caches. It has ended: whatever goes wrong here is for the log alone."""
    for name, repository in hands.context.repositories.items():
        log = structlog.get_logger().bind(cr_id=hands.order.cr_id, repository=name)
        try:
            why_not = await repository.prune()
        except ChangelineError as problem:
            why_not = problem.message
        log.info("cache_pruned" if why_not is None else "cache_not_pruned", why=why_not)


async def _leave(hands: Hands, ending: Ending) -> None:
    """Report how the run ended, also to a database that is just coming back."""
    patience = Patience(hands.context.clock)
    while True:
        try:
            return await hands.runs.end(ending)
        except DatabaseAway as away:
            if not await patience.again(away):
                raise


async def _run_until_stopped(hands: Hands, stop: Callable[[], Awaitable[Stop]], drain: RunControl) -> Ending | None:
    await hands.context.emit(WorkerStarted(epoch=hands.order.epoch, isolation=hands.context.sandbox.isolation().name))
    running = asyncio.create_task(_advance(hands, drain), name="line")
    stopping = asyncio.ensure_future(stop())
    done, _ = await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if running in done:
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)  # why it would have been stopped does not count any more
        return await running
    return await _stopped(hands, running, stopping)


async def _stopped(hands: Hands, running: asyncio.Task[Ending], stopping: asyncio.Future[Stop]) -> Ending | None:
    """Cancel the run; how it ended by itself before the cancellation took hold counts more than the wish to stop it."""
    running.cancel()
    await asyncio.wait({running})
    if not running.cancelled():
        return await running
    stop = stopping.result()
    if stop.goes_on and stop.intervention_id is not None:
        await hands.runs.delivered(stop.intervention_id)
        return Ending(move=Move.REQUEUE, status=Status.QUEUED, message=stop.message)
    if stop.reason is None:
        return None
    return Ending(move=Move.PAUSE, status=Status.PAUSED, reason=stop.reason, message=stop.message, facts=stop.facts)


async def _advance(hands: Hands, drain: RunControl) -> Ending:
    """Run the graph; a problem that may pass is tried again in place, because the journal makes that cheap."""
    patience = Patience(hands.context.clock)
    while True:
        try:
            ending = await _once(hands, drain, patience)
        except GraphDrained:
            return Ending(move=Move.REQUEUE, status=Status.QUEUED, message="The worker was asked to shut down.")
        except Exception as error:
            # The one handler around a run: whatever breaks becomes a pause with a trace.
            problem = _understood(hands, error)
            if isinstance(problem, LeaseLost):
                raise problem from error
            if isinstance(problem, TransientError):
                if await patience.again(problem):
                    continue
                if isinstance(problem, DatabaseAway):
                    raise problem from error
            return _broken(hands, problem)
        if ending is not None:
            return ending


async def _once(hands: Hands, drain: RunControl, patience: Patience) -> Ending | None:
    """Run to an ending; None when a new thread took over from one of another version and has to be run."""
    restarts = await hands.runs.restarts(hands.order.attempt)
    config: RunnableConfig = {**thread(hands, hands.order.attempt, len(restarts)), "recursion_limit": 400}
    snapshot = await hands.line.aget_state(config)
    patience.got_to(f"{len(restarts)}/{get_checkpoint_id(snapshot.config)}")
    given: RunState | Command[Never] | None = None
    if not snapshot.values and not snapshot.next:
        await hands.runs.begun(
            hands.order.attempt, graph_version=graph_version(), code_version=hands.context.code_version
        )
        upgraded = bool(restarts) and restarts[-1].upgraded_to is not None
        given = await taken_over(hands, restarts[-1]) if upgraded else await first_state(hands, restarts)
    elif why := misfit(snapshot, await hands.runs.graph_version(hands.order.attempt)):
        return None if await begin_anew(hands, restarts, snapshot, why) else _lost_its_place(why)
    elif snapshot.interrupts:
        given = Command(resume={interrupt.id: True for interrupt in snapshot.interrupts})
    else:
        await hands.runs.went_on()
    await _bring_back(hands, given if isinstance(given, dict) else known_values(snapshot))
    await hands.line.ainvoke(given, config, context=hands.context, durability="sync", control=drain)
    return await _report(hands.line, config)


async def _bring_back(hands: Hands, known: RunState) -> None:
    """See to it that this machine holds the commits the run stands on; an earlier epoch may have worked elsewhere."""
    if hands.order.epoch == 1:
        return
    for name, one in repositories_of(known).items():
        needed = [commit for commit in (one.base, one.tests, one.head, one.merge) if commit]
        if lost := await hands.context.snapshots.bring_back(name, needed):
            raise PersonNeeded(
                PauseReason.REMOTE_UNREACHABLE,
                f"Work on {name} is neither on this machine nor at the remote. Run it again from development.",
                repository=name,
                commits=lost,
            )


async def _report(line: Line, config: RunnableConfig) -> Ending | None:
    """Say how the run stands, from its checkpoint alone; None when it stands nowhere, which the next look settles."""
    snapshot = await line.aget_state(config)
    if snapshot.interrupts:
        return _waiting(snapshot.interrupts[0].value)
    if finished(snapshot):
        last = outcome_of(run_of(known_values(snapshot)).outcomes[line_stages()[-1].value])
        return Ending(move=Move.COMPLETE, status=Status.COMPLETED, message=last.summary)
    return _lost_its_place("The run stopped without having reached its end.") if snapshot.next else None


def _lost_its_place(why: str) -> Ending:
    return Ending(
        move=Move.PAUSE, status=Status.PAUSED, reason=PauseReason.GRAPH_CHANGED,
        message=f"{why} Run it again from a stage.",
    )  # fmt: skip


def _waiting(stored: states.Wait) -> Ending:
    wait = wait_of(stored)
    if wait.gate_id is not None:
        return Ending(
            move=Move.WAIT,
            status=Status.WAITING,
            wait=WaitKind.GATE,
            wait_id=wait.gate_id,
            message=wait.message,
            facts=wait.facts,
        )
    facts = {"repository": wait.repository or None, **wait.facts, "stage": wait.stage.value}
    return Ending(move=Move.PAUSE, status=Status.PAUSED, reason=wait.reason, message=wait.message, facts=facts)


def _pause(reason: PauseReason, problem: ChangelineError) -> Ending:
    return Ending(move=Move.PAUSE, status=Status.PAUSED, reason=reason, message=problem.message, facts=problem.facts)


def _understood(hands: Hands, error: Exception) -> Exception:
    """Return an error as what it means: whose turn it is, where the error itself does not say."""
    if isinstance(error, ChangelineError):
        return error
    if checkpoints.fenced(error):
        return LeaseLost(hands.order.cr_id, hands.order.epoch)
    if checkpoints.away(error):
        return DatabaseAway("The database did not answer.")
    return shortage.behind(error) or error


def _broken(hands: Hands, error: Exception) -> Ending:
    if isinstance(error, PersonNeeded | Parked | TransientError):
        return _pause(error.reason, error)
    trace_id = new_id("trace")
    structlog.get_logger().error(
        "run_broke", cr_id=hands.order.cr_id, trace_id=trace_id, trace=traceback.format_exception(error)
    )
    return Ending(
        move=Move.PAUSE, status=Status.PAUSED, reason=PauseReason.INTERNAL_ERROR,
        message=f"Something went wrong inside Changeline ({type(error).__name__}). The log has the trace {trace_id}.",
        facts={"trace_id": trace_id},
    )  # fmt: skip
