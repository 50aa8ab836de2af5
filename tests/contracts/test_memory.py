"""The fakes in memory keep the contracts that the real store keeps."""

from decimal import Decimal

import pytest

from pipeline.testing import MemoryJournal, MemoryLedger, QueuedInstructions
from tests.contracts.instructions import InstructionsContract, Say
from tests.contracts.journal import JournalContract
from tests.contracts.ledger import LedgerContract


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def journal(self) -> MemoryJournal:
        return MemoryJournal()


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger(Decimal(1))


class TestQueuedInstructions(InstructionsContract):
    @pytest.fixture
    def instructions(self) -> QueuedInstructions:
        return QueuedInstructions()

    @pytest.fixture
    def say(self, instructions: QueuedInstructions) -> Say:
        async def put(intervention_id: str, text: str) -> None:
            instructions.put(intervention_id, text)

        return put
