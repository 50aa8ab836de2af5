"""What happens between an answer and the next question: its tools run, in order, and their results become one record.

Rules, so that a turn means the same on every run: calls run in the order given; a submission counts only if no earlier
call of the turn failed; after an accepted submission nothing more runs; the tree is saved before a submission is
judged and after everything ran; what the turn changed is kept before the record that names its snapshot.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Generic

from pipeline.agents.interruption import SpokenTo, unless_spoken_to
from pipeline.agents.journal import Answered, Note, Noted, Observed
from pipeline.agents.notebook import Notebook
from pipeline.agents.task import AgentPorts, AgentTask, S, Workspace
from pipeline.agents.tool_use import ToolUse
from pipeline.agents.tools import ToolOutcome, ToolRunner, stopped
from pipeline.agents.toolsets import ToolSet
from pipeline.errors import ModelError
from pipeline.events import ToolCalled
from pipeline.ports import Json


@dataclass(slots=True)
class Turn(Generic[S]):
    """The tool calls of one answer."""

    task: AgentTask[S]
    ports: AgentPorts
    notebook: Notebook
    answer: Answered
    toolbox: ToolRunner | None
    results: list[Json] = field(default_factory=list)
    submission: S | None = None
    rejection: str = ""
    failed: bool = False
    changed: bool = False
    commit: str | None = None
    spoken_to: bool = False

    async def run(self) -> None:
        """Run the calls and write the `observed` record."""
        started = self.ports.clock.monotonic()
        for call in self.answer.tool_uses:
            await self._call(call)
        await self._save_at_the_end()
        await self._keep_diffs()
        if self.rejection and self.submission is None:
            await self.notebook.write(Noted(note=Note.VALIDATION_ERROR, turn=self.answer.turn, text=self.rejection))
        await self.notebook.write(
            Observed(
                turn=self.answer.turn,
                results=self.results,
                commit=self.commit,
                submission=self.submission.model_dump(mode="json") if self.submission is not None else None,
                duration_s=round(self.ports.clock.monotonic() - started, 3),
            )
        )

    async def refuse(self, why: str) -> None:
        """Answer every call without running it and write the `observed` record."""
        for call in self.answer.tool_uses:
            self._add(call.id, ToolOutcome(text=why, is_error=True))
        await self.notebook.write(Observed(turn=self.answer.turn, results=self.results))

    async def _call(self, call: ToolUse) -> None:
        started = self.ports.clock.monotonic()
        outcome = await self._outcome(call)
        self.failed = self.failed or outcome.is_error
        self.changed = self.changed or outcome.may_have_changed
        self._add(call.id, outcome)
        await self.ports.emit(
            ToolCalled(
                stage=self.task.stage,
                repository=self.task.repository,
                role=self.task.role,
                instance=self.task.instance,
                turn=self.answer.turn,
                tool=call.name,
                summary=outcome.summary,
                ok=not outcome.is_error,
                duration_s=round(self.ports.clock.monotonic() - started, 3),
            )
        )

    async def _outcome(self, call: ToolUse) -> ToolOutcome:
        if self.submission is not None:
            return ToolOutcome(text="Not run: the submission before it was accepted.", is_error=True, summary="not run")
        if call.name == self.task.submit.name:
            return await self._submit(call.input)
        if self.toolbox is None:
            return ToolOutcome(text=f"There is no tool named {call.name!r}.", is_error=True, summary="no such tool")
        if self.spoken_to:
            return stopped(call.id, call.name, "Not run: a person gave new instructions first.")
        try:
            return await unless_spoken_to(
                self.toolbox.run(call.id, call.name, call.input),
                self.ports.instructions.spoken(
                    repository=self.task.repository, known=self.notebook.conversation.delivered
                ),
            )
        except SpokenTo:
            self.spoken_to = True
            return stopped(
                call.id, call.name,
                "Stopped: a person gave new instructions while this ran. What it changed until then stays.",
            )  # fmt: skip

    async def _submit(self, given: object) -> ToolOutcome:
        try:
            self.submission = await self._judged(given)
        except ModelError as error:
            self.rejection = error.message
            return ToolOutcome(text=error.message, is_error=True, summary="submission rejected")
        return ToolOutcome(text="Accepted.", summary="submission accepted")

    async def _judged(self, given: object) -> S:
        if self.failed:
            raise ModelError("Not accepted: an earlier tool call of this turn failed. Look at its result first.")
        submission = self.task.submit.judge(given)
        self._refuse_ungrounded()
        declares = self.task.submit.declares
        await self._save(declares(submission) if declares is not None else ())
        return submission

    def _refuse_ungrounded(self) -> None:
        talk, submit = self.notebook.conversation, self.task.submit
        seen = talk.inspection.after(self.answer.tool_uses, self.results)
        lacking = submit.lacks(seen, talk.terms.opened.root)
        if lacking is not None:
            raise ModelError(f"{lacking.told()} Then call {submit.name} again with the complete input.")

    async def _save(self, declared: Collection[str] = ()) -> None:
        if self._tree is not None:
            talk = self.notebook.conversation
            seen = talk.inspection.after(self.answer.tool_uses, self.results)
            edited = seen.edited(talk.terms.opened.root or "")
            self.commit = await self._tree.snapshot(declared=declared, edited=edited)
            self.changed = False

    async def _save_at_the_end(self) -> None:
        if not self.changed:
            return
        try:
            await self._save()
        except ModelError as error:
            last = self.results[-1]
            last["content"] += f"\n[The pipeline could not save the tree: {error.message} Mend this first.]"
            last["is_error"] = True

    async def _keep_diffs(self) -> None:
        """Keep what this turn changed and, when the conversation ends with it, what all of its turns did."""
        keep, talk = self.ports.keep_diff, self.notebook.conversation
        before, after, first = talk.commit, self.commit or talk.commit, talk.terms.opened.commit
        if keep is None or before is None or after is None or first is None:
            return
        if before != after:
            await keep(self.notebook.name, self.answer.turn, before, after)
        if self.submission is not None and first not in {before, after}:
            await keep(self.notebook.name, None, first, after)

    @property
    def _tree(self) -> Workspace | None:
        return self.ports.workspace if self.task.toolset is ToolSet.EDIT else None

    def _add(self, call_id: str, outcome: ToolOutcome) -> None:
        result: Json = {"type": "tool_result", "tool_use_id": call_id, "content": outcome.text or "(no output)"}
        if outcome.is_error:
            result["is_error"] = True
        self.results.append(result)
