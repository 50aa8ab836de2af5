"""Hand-written fakes of ports, for tests only: one per port, each held to the same contract tests as the real thing.

Problem: a suite of mocks proves that the mocks work. Choice: what cannot be real in a test has one fake here, which keeps its
state in memory and decides nothing by chance; `tests/contracts` runs against it and against the real adapter alike.
"""

from pipeline.testing.forges import KeptPullRequest, MemoryForge
from pipeline.testing.memory import (
    EventLog,
    FakeClock,
    LedgerLine,
    MemoryJournal,
    MemoryLedger,
    MemoryWorkspace,
    QueuedInstructions,
    UncontainedSandbox,
)
from pipeline.testing.models import PlayedProvider
from pipeline.testing.secrets import MemoryKeyStore, MemorySecrets
from pipeline.testing.telling import MemoryChannel

__all__ = [
    "EventLog",
    "FakeClock",
    "KeptPullRequest",
    "LedgerLine",
    "MemoryChannel",
    "MemoryForge",
    "MemoryJournal",
    "MemoryKeyStore",
    "MemoryLedger",
    "MemorySecrets",
    "MemoryWorkspace",
    "PlayedProvider",
    "QueuedInstructions",
    "UncontainedSandbox",
]
