"""What the product may ask of the world, as Protocols.

Problem: a stage that names a database, a git binary or a provider cannot be tested or moved. Choice: each need is one
small Protocol here, implemented by one adapter (or by `store`) and, where the real thing is not available in a test,
by one fake in `pipeline.testing`, both held to the same contract tests. Values that cross a port are frozen.
"""

from pipeline.ports.clock import Clock
from pipeline.ports.environments import (
    DependencyChoice,
    Environment,
    Environments,
    EnvironmentSource,
    Language,
    ReadFile,
    Stack,
)
from pipeline.ports.forges import Forge, Proposal, PullRequestRef, marker_of
from pipeline.ports.git import (
    Absent,
    AbsentSubmodule,
    Author,
    ChangedFile,
    History,
    NotPublic,
    RebaseResult,
    RemoteFacts,
    Repository,
)
from pipeline.ports.journal import EntryKind, Instruction, Instructions, Journal, JournalEntry, JournalKey
from pipeline.ports.keys import KeyStore, SignatureVerifier, Signer, key_id
from pipeline.ports.live import DELTA_MAX_BYTES, Bell, Deltas, Emit, TenantBell, TenantDeltas
from pipeline.ports.messages import AnswerBlock, Json, Message, StopReason, TextBlock, Tool
from pipeline.ports.models import (
    DeltaListener,
    Ledger,
    ModelAnswer,
    ModelClass,
    ModelProvider,
    ModelRequest,
    Reservation,
    TurnListener,
    Usage,
    UsageListener,
)
from pipeline.ports.proof import BranchTip, CommitFacts, CommitReader, SecretHit, SecretScanner
from pipeline.ports.sandbox import ACCOUNT, CommandResult, Isolation, Network, Sandbox, SandboxCommand
from pipeline.ports.secrets import SecretMissing, SecretProvider
from pipeline.ports.telling import Notifier, Tracker
from pipeline.ports.webhooks import Delivery, Receipt, Webhooks

__all__ = [
    "ACCOUNT",
    "DELTA_MAX_BYTES",
    "Absent",
    "AbsentSubmodule",
    "AnswerBlock",
    "Author",
    "Bell",
    "BranchTip",
    "ChangedFile",
    "Clock",
    "CommandResult",
    "CommitFacts",
    "CommitReader",
    "Delivery",
    "DeltaListener",
    "Deltas",
    "DependencyChoice",
    "Emit",
    "EntryKind",
    "Environment",
    "EnvironmentSource",
    "Environments",
    "Forge",
    "History",
    "Instruction",
    "Instructions",
    "Isolation",
    "Journal",
    "JournalEntry",
    "JournalKey",
    "Json",
    "KeyStore",
    "Language",
    "Ledger",
    "Message",
    "ModelAnswer",
    "ModelClass",
    "ModelProvider",
    "ModelRequest",
    "Network",
    "NotPublic",
    "Notifier",
    "Proposal",
    "PullRequestRef",
    "ReadFile",
    "RebaseResult",
    "Receipt",
    "RemoteFacts",
    "Repository",
    "Reservation",
    "Sandbox",
    "SandboxCommand",
    "SecretHit",
    "SecretMissing",
    "SecretProvider",
    "SecretScanner",
    "SignatureVerifier",
    "Signer",
    "Stack",
    "StopReason",
    "TenantBell",
    "TenantDeltas",
    "TextBlock",
    "Tool",
    "Tracker",
    "TurnListener",
    "Usage",
    "UsageListener",
    "Webhooks",
    "key_id",
    "marker_of",
]
