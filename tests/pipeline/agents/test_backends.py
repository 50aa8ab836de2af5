"""Our own loop keeps the contract of backends, with the real adapter, real files and real processes."""

import json

import pytest

from pipeline.agents.messages_loop import MessagesLoop
from tests.contracts.agent_backend import GREETING, SUMMARY, Act, AgentBackendContract, Deed, Ground
from tests.pipeline.agents.conftest import Rig

SUBMITTED = f'{{tools: [{{name: submit_code, input: {{summary: "{SUMMARY}"}}}}]}}'
WRITTEN = json.dumps({"command": "create", "path": "app.py", "file_text": GREETING})
TURNS = {
    Deed.WRITES: [f"{{tools: [{{name: str_replace_based_edit_tool, input: {WRITTEN}}}]}}", SUBMITTED],
    Deed.ERRS: ["{tools: [{name: submit_code, input: {summary: x}}]}", SUBMITTED],
    Deed.DAWDLES: ["{tools: [{name: bash, input: {command: 'touch begun; exec sleep 90'}}]}", SUBMITTED],
    Deed.TARRIES: ["{tools: [{name: bash, input: {command: 'sleep 2'}}]}", SUBMITTED],
}


class TestMessagesLoop(AgentBackendContract):
    @pytest.fixture
    def backend(self) -> MessagesLoop:
        return MessagesLoop()

    @pytest.fixture
    def ground(self, rig: Rig) -> Ground:
        return Ground(
            ports=rig.ports(), root=rig.root, journal=rig.journal, ledger=rig.ledger, workspace=rig.workspace,
            instructions=rig.instructions,
        )  # fmt: skip

    @pytest.fixture
    def act(self, rig: Rig) -> Act:
        def play(deed: Deed) -> None:
            turns = ", ".join(TURNS[deed])
            rig.scripted.play(f"name: deed\nscripts: [{{role: code_writer, repeat: true, turns: [{turns}]}}]")

        return play
