"""Who has an agent's conversation: our own loop, or a program that brings a loop of its own.

Problem: an agent that is somebody else's program (an agent command line) has its own turns, tools and prompts, and everything
that must hold about agents would have to be written again for each. Choice: a backend is given the task, the name of its
journal and everything it may use, and hands back a result that was judged; whoever asks cannot tell backends apart.
Invariants: what happened is in the journal before it counts; what is handed back passed `AgentTask.submit`; the tree ends at
the snapshot that the result names; commands of a program run in `AgentPorts.scope`'s sandbox and nowhere else.
"""

from typing import Protocol

from pipeline.agents.task import AgentPorts, AgentResult, AgentTask, S
from pipeline.ports import JournalKey


class AgentBackend(Protocol):
    """Has conversations."""

    name: str
    """What a setting calls it."""

    async def run(self, task: AgentTask[S], key: JournalKey, ports: AgentPorts) -> AgentResult[S]:
        """Have the conversation named `key`, from wherever its journal stands, and return what was submitted.

        Running a finished one again returns the same at once and pays nothing. Every dead end is `PersonNeeded` with
        `budget`, `providers_down`, `agent_stuck`, `agent_timeout` or `model_refused`, noted in the journal as given up;
        running again then goes on with fresh bounds. A cancellation is noted, settled and raised.
        """
