"""Ask, act, observe, until the model submits: one agent's conversation, surviving a crash between any two steps.

Problem: a loop in memory loses a night's work to a restart and pays for it twice. Choice: each step is a journal record
before the next step begins, and the loop decides only from the `Conversation` that the records add up to; so resuming
is replaying. Invariants: an answer is durable before any of its tools starts; tools run again only from the snapshot
they started from; at most the call in flight is repeated; every dead end is typed; a cancellation is noted, settled and
passed on.
"""

import asyncio
import json
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Generic, NoReturn

from pipeline.agents import context_window
from pipeline.agents.compatibility import misfit
from pipeline.agents.conversation import Conversation, digest, laid_out
from pipeline.agents.fences import operator_instruction
from pipeline.agents.grounds import dead_end
from pipeline.agents.interruption import SpokenTo, unless_spoken_to
from pipeline.agents.journal import Answered, Note, Noted, Opened, usage_json
from pipeline.agents.notebook import Notebook, estimated_whole, open_notebook, reservation_of
from pipeline.agents.task import AgentPorts, AgentResult, AgentTask, S, tree_found
from pipeline.agents.tool_use import tool_uses_of
from pipeline.agents.tools import call_line, said_line, tool_definitions, tool_notes
from pipeline.agents.toolsets import ToolSet
from pipeline.agents.turn import Turn
from pipeline.change_request import PauseReason
from pipeline.concurrency.uninterrupted import uninterrupted
from pipeline.errors import ChangelineError, DatabaseAway, InvariantBroken, PersonNeeded, TransientError
from pipeline.events import AgentCompleted, AgentStarted, AgentTurn, CostUpdated, Event, InterventionProgressed, Warned
from pipeline.interventions.intervention import Action, InterventionStatus
from pipeline.llm.chains import CallPurpose, Route
from pipeline.llm.gateway import ModelCall, providers_down
from pipeline.ports import JournalKey, ModelRequest, StopReason
from pipeline.ports.messages import FINISHED_TURN

PERCENT = 100
SAVE_CUT_S = 5.0
"""How long a stop waits for what a cut turn left behind; a person's stop matters more."""


async def run_agent(task: AgentTask[S], key: JournalKey, ports: AgentPorts) -> AgentResult[S]:
    """Have the conversation named `key`, from wherever its journal stands, and return what the model submitted.

    Raises `PersonNeeded` for every dead end (`budget`, `providers_down`, `agent_stuck`, `agent_timeout`,
    `model_refused`), after which calling again goes on with fresh bounds. A cancellation is raised after it was noted.
    """

    async def unfit(talk: Conversation) -> str | None:
        return misfit(talk, task) or await _lost(talk, task, ports)

    notebook = await open_notebook(ports.journal, key, unfit)
    agent = _Agent(task=task, ports=ports, notebook=notebook)
    if notebook.conversation.fixed is None:
        await agent.open()
    elif notebook.conversation.submission is None:
        await agent.take_up()
    return await agent.converse()


async def go_on(task: AgentTask[S], ports: AgentPorts, notebook: Notebook) -> AgentResult[S]:
    """Take the steps of an open conversation without settling or restoring anything first: what an offline replay does."""
    return await _Agent(task=task, ports=ports, notebook=notebook).converse()


async def _lost(talk: Conversation, task: AgentTask[S], ports: AgentPorts) -> str | None:
    if task.toolset is not ToolSet.EDIT or ports.workspace is None or talk.commit is None:
        return None
    return None if await ports.workspace.holds(talk.commit) else "its tree was lost with the machine that held it"


@dataclass(slots=True)
class _Agent(Generic[S]):
    task: AgentTask[S]
    ports: AgentPorts
    notebook: Notebook
    spent_usd: Decimal | None = None

    @property
    def talk(self) -> Conversation:
        return self.notebook.conversation

    async def open(self) -> None:
        """Write the fixed part of the conversation down, by content."""
        task, keep = self.task, self.notebook.keep
        if not task.system.startswith(f"Role: {task.role}"):
            raise InvariantBroken("A system prompt must begin with its role.", role=task.role)
        context, left_out = context_window.capped(task.context, self.ports.limits.static_context_tokens_max)
        tools = [*tool_definitions(task.toolset), task.submit.definition()]
        notes = tool_notes(task.toolset)
        await self.notebook.write(
            Opened(
                route=self.ports.gateway.first_route(task.model_class),
                system=await keep(f"{task.system.rstrip()}\n\n{notes}" if notes else task.system),
                tools=await keep(json.dumps(tools, ensure_ascii=False)),
                context=await keep(context) if context else None,
                opening=await keep(task.opening),
                submit=task.submit.name,
                prompt_hash=task.prompt_hash,
                root=str(self.ports.scope.root) if self.ports.scope else None,
                facts=await keep(task.facts) if task.facts else None,
                commit=await tree_found(task, self.ports.workspace) if self._edits else None,
                repository=task.repository,
            )
        )
        if why := self.notebook.instead_of:
            words = f"The conversation of {task.role} begins anew: {why}."
            await self.notebook.write(Noted(note=Note.BEGUN_ANEW, turn=0, text=words))
            await self._emit(Warned(message=words))
        if left_out:
            await self._emit(Warned(message=f"{left_out:,} characters of repository context did not fit and were cut."))
        await self._announce()

    async def take_up(self) -> None:
        """Go on after a crash or a pause: settle what hangs, and bring the tree back to the last record."""
        talk, gateway = self.talk, self.ports.gateway
        if (lost := talk.open_call) is not None:
            await gateway.settle_lost(reservation_of(lost), estimated_whole(lost))
            await self.notebook.write(
                Noted(
                    note=Note.CALL_FAILED,
                    turn=lost.turn,
                    text="The run ended while the model was answering.",
                    usage=usage_json(estimated_whole(lost)),
                    cost_usd=lost.worst_case_usd,
                )
            )
        elif talk.answer is not None and talk.last_call is not None:
            await gateway.settle_again(
                reservation_of(talk.last_call), usage=talk.answer.tokens, cost_usd=talk.answer.cost_usd
            )
        if self._edits and self.ports.workspace is not None and talk.commit is not None:
            await self.ports.workspace.restore(talk.commit)
        await self._announce()

    async def converse(self) -> AgentResult[S]:
        """Take steps until a submission is accepted."""
        was_open = self.talk.submission is None
        while self.talk.submission is None:
            try:
                await self._timed_step()
            except asyncio.CancelledError:
                if self.talk.answer is not None:
                    await uninterrupted(self._note_the_cut())
                raise
        talk = self.talk
        result = AgentResult(
            submission=self.task.submit.model.model_validate_json(json.dumps(talk.submission)),
            turns=talk.turn,
            cost_usd=talk.cost_usd,
            commit=talk.commit,
            model=talk.terms.opened.route.model,
            inspection=talk.inspection,
            root=talk.terms.opened.root or "",
        )
        if was_open:
            await self._emit(AgentCompleted(instance=self.task.instance, turns=talk.turn, cost_usd=str(talk.cost_usd)))
        return result

    async def _note_the_cut(self) -> None:
        """Write down that tools were cut off, with what they left in the tree: a person who takes over wants to see it."""
        text, tree = "Cancelled while its tools ran.", None
        if self._edits and self.ports.workspace is not None:
            try:
                async with asyncio.timeout(SAVE_CUT_S):
                    tree = await self.ports.workspace.snapshot()
            except (ChangelineError, TimeoutError) as problem:
                text += f" What they left could not be saved: {problem}"
        await self.notebook.write(Noted(note=Note.CANCEL, turn=self.talk.turn, text=text, tree=tree))

    async def _timed_step(self) -> None:
        left_s = self.ports.limits.agent_timeout_s - self.talk.worked_s
        timer = asyncio.timeout(max(left_s, 0.0))
        try:
            async with timer:
                await self._step()
        except TimeoutError:
            if not timer.expired():
                raise
            limit_s = self.ports.limits.agent_timeout_s
            await self._give_up(PauseReason.AGENT_TIMEOUT, f"worked for {limit_s} s without a result", limit_s=limit_s)

    async def _step(self) -> None:
        answer = self.talk.answer
        if answer is None:
            await self._check_bounds()
            await self._ask()
        elif answer.stop_reason == StopReason.REFUSAL:
            await self._give_up(PauseReason.MODEL_REFUSED, "met a refusal by the model")
        elif answer.stop_reason not in FINISHED_TURN:
            await self._cut_off(answer)
        elif answer.tool_uses:
            await self._turn(answer).run()
        else:
            await self._nudge(
                f"You ended your turn without calling {self.task.submit.name}. Go on with your task; "
                f"when it is done, hand over the result by calling {self.task.submit.name}."
            )

    # asking

    async def _ask(self) -> None:
        await self._take_instructions()
        await self._warn_of_budget()
        await self._make_room()
        call = self._call()
        self.notebook.input_tokens, self.notebook.max_tokens = call.input_tokens, call.request.max_tokens
        self.notebook.request = digest(call.request)
        try:
            listen = partial(self.ports.on_text, self.talk.turn + 1) if self.ports.on_text else None
            asking = self.ports.gateway.ask(call, self.notebook, listen)
            answer = await unless_spoken_to(asking, self._spoken())
        except SpokenTo:
            return
        except DatabaseAway:
            raise
        except TransientError as problem:
            await self._fail_over(call.route, problem)
            return
        self.spent_usd = await self.ports.gateway.spent_usd()
        calls = tuple(call_line(use.name, use.input) for use in tool_uses_of(answer.content))
        await self._emit(
            AgentTurn(
                instance=self.task.instance, turn=self.talk.turn, text=said_line(answer.content), calls=calls,
                cost_usd=str(self.talk.cost_usd),
            ),
            CostUpdated(spent_usd=str(self.spent_usd), budget_usd=str(self.ports.limits.budget_usd)),
        )  # fmt: skip

    def _call(self) -> ModelCall:
        fixed, limits = self.talk.terms, self.ports.limits
        system, messages = laid_out(fixed, self.talk.messages)
        request = ModelRequest(
            model=fixed.opened.route.model,
            system=system,
            tools=fixed.tools,
            messages=messages,
            max_tokens=limits.output_tokens_max,
            timeout_s=self.ports.gateway.settings.retry.call_timeout_s,
        )
        return ModelCall(
            route=fixed.opened.route,
            purpose=CallPurpose(role=self.task.role, stage=self.task.stage, repository=self.task.repository),
            request=request,
            input_tokens=context_window.worst_case_tokens(system, fixed.tools, messages),
        )

    async def _fail_over(self, down: Route, problem: TransientError) -> None:
        if self.talk.turn > 0:
            raise providers_down([down.provider], problem) from problem
        route = self.ports.gateway.failover(self.task.model_class, down, problem)
        await self.notebook.write(self.talk.terms.opened.model_copy(update={"route": route}))
        await self._emit(Warned(message=f"{down.provider} does not answer; {route.provider} takes over."))

    async def _take_instructions(self) -> None:
        turn = self.talk.turn + 1
        for instruction in await self.ports.instructions.take(
            repository=self.task.repository, role=self.task.role, turn=turn
        ):
            if instruction.intervention_id in self.talk.delivered:
                continue
            await self.notebook.write(
                Noted(
                    note=Note.INSTRUCTION,
                    turn=turn,
                    text=operator_instruction(instruction.actor, instruction.text),
                    to_model=True,
                    intervention_id=instruction.intervention_id,
                    actor=instruction.actor,
                )
            )
            await self._emit(
                InterventionProgressed(
                    intervention_id=instruction.intervention_id,
                    action=Action.REDIRECT,
                    status=InterventionStatus.DELIVERED,
                    actor=instruction.actor,
                    turn=turn,
                )
            )

    async def _spoken(self) -> None:
        await self.ports.instructions.spoken(repository=self.task.repository, known=self.talk.delivered)

    async def _warn_of_budget(self) -> None:
        limits = self.ports.limits
        if self.talk.warned:
            return
        if self.spent_usd is None:
            self.spent_usd = await self.ports.gateway.spent_usd()
        if self.spent_usd * PERCENT < limits.budget_usd * limits.budget_alert_pct:
            return
        text = (
            f"[Pipeline] {limits.budget_alert_pct} % of this change request's budget is used. "
            "Finish by the shortest sound way and submit."
        )
        await self.notebook.write(Noted(note=Note.BUDGET_WARNING, turn=self.talk.turn + 1, text=text, to_model=True))
        await self._emit(Warned(message=f"{limits.budget_alert_pct} % of the budget is used."))

    async def _make_room(self) -> None:
        talk, limit = self.talk, self.ports.limits.compaction_tokens
        newest = context_window.estimated_tokens(talk.messages[-1])
        if not talk.overflowed and talk.context_tokens + newest <= limit:
            return
        shorter = context_window.compacted(talk.messages, limit)
        if shorter is None:
            if talk.overflowed:
                await self._give_up(PauseReason.AGENT_STUCK, "outgrew the model's context window")
            return
        fixed = context_window.estimated_tokens([talk.terms.system, talk.terms.context, *talk.terms.tools])
        await self.notebook.write(
            Noted(
                note=Note.COMPACTION,
                turn=talk.turn + 1,
                text=f"Compacted from {talk.context_tokens + newest:,} tokens.",
                messages=await self.notebook.keep(json.dumps(shorter, ensure_ascii=False)),
                context_tokens=fixed + context_window.estimated_tokens(shorter[:-1]),
            )
        )

    # reacting

    def _turn(self, answer: Answered) -> Turn[S]:
        scope, toolbox = self.ports.scope, None
        if scope is not None and self.task.toolset is not ToolSet.NONE:
            root = self.talk.terms.opened.root
            if root is not None and root != str(scope.root):
                scope = replace(scope, former_roots=(*scope.former_roots, root))
            toolbox = self.ports.tools(scope, self.task.toolset)
        return Turn(task=self.task, ports=self.ports, notebook=self.notebook, answer=answer, toolbox=toolbox)

    async def _cut_off(self, answer: Answered) -> None:
        why = f"Your answer was cut off ({answer.stop_reason})"
        if answer.tool_uses:
            await self._turn(answer).refuse(f"Not run: {why[0].lower()}{why[1:]}.")
        await self._nudge(f"{why}. Go on in smaller steps: shorter texts, fewer tool calls in one turn.")

    async def _nudge(self, text: str) -> None:
        await self.notebook.write(Noted(note=Note.NUDGE, turn=self.talk.turn, text=text, to_model=True))

    async def _check_bounds(self) -> None:
        talk, limits = self.talk, self.ports.limits
        if talk.rejected_since >= limits.submission_retries_max:
            end = dead_end(self.task.submit.lacks(talk.inspection, talk.terms.opened.root), talk.rejection)
            await self._give_up(end.reason, end.what, rejected_submissions=talk.rejected_since, **end.facts)
        if talk.nudges_since >= limits.submission_retries_max:
            await self._give_up(
                PauseReason.AGENT_STUCK, "kept ending its turn without a result", nudges=talk.nudges_since
            )
        if talk.turns_since >= limits.turns_max:
            await self._give_up(PauseReason.AGENT_STUCK, "used all its turns", turns=talk.turns_since)
        if talk.worked_s >= limits.agent_timeout_s:
            await self._give_up(
                PauseReason.AGENT_TIMEOUT,
                f"worked for {limits.agent_timeout_s} s without a result",
                limit_s=limits.agent_timeout_s,
            )

    async def _give_up(self, reason: PauseReason, what: str, **facts: int | str) -> NoReturn:
        message = f"The {self.task.role} agent {what}."
        await self.notebook.write(Noted(note=Note.GAVE_UP, turn=self.talk.turn, text=message, reason=reason))
        raise PersonNeeded(
            reason, message, role=self.task.role, instance=self.task.instance, repository=self.task.repository, **facts
        )

    # telling

    async def _announce(self) -> None:
        model = self.talk.terms.opened.route.model
        await self._emit(AgentStarted(instance=self.task.instance, model=model, resumed_at_turn=self.talk.turn))

    async def _emit(self, *events: Event) -> None:
        place = {"stage": self.task.stage, "repository": self.task.repository, "role": self.task.role}
        for event in events:
            await self.ports.emit(event.model_copy(update=place))

    @property
    def _edits(self) -> bool:
        return self.task.toolset is ToolSet.EDIT
