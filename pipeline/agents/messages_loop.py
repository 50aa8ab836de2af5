"""Our own agents: the loop over the Messages form, as one backend among others."""

from pipeline.agents.loop import run_agent
from pipeline.agents.task import AgentPorts, AgentResult, AgentTask, S
from pipeline.ports import JournalKey


class MessagesLoop:
    """Implements `pipeline.agents.backend.AgentBackend`."""

    name = "messages"

    async def run(self, task: AgentTask[S], key: JournalKey, ports: AgentPorts) -> AgentResult[S]:
        """See `AgentBackend.run`."""
        return await run_agent(task, key, ports)
