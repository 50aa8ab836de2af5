"""Hand-written fakes of ports, for tests only; each is held to the same contract tests as the real thing.

They keep their state in memory, decide nothing by chance and never wait for wall time unless a test advances it.
`UncontainedSandbox` runs real processes without any isolation: it exists for tests, never for a product.
"""

import asyncio
import hashlib
import os
import signal
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipeline.change_request import PauseReason
from pipeline.errors import InvariantBroken, NotFound, PersonNeeded
from pipeline.ports import (
    CommandResult,
    Instruction,
    Isolation,
    JournalEntry,
    JournalKey,
    Reservation,
    SandboxCommand,
    Usage,
)


class FakeClock:
    """Time that moves only by sleeping or by `advance`; sleeping returns at once."""

    def __init__(self) -> None:
        """Start at a fixed moment."""
        self.slept: list[float] = []
        self._passed_s = 0.0

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=self._passed_s)

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._passed_s

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        self.slept.append(seconds)
        self._passed_s += seconds
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._passed_s += seconds


class MemoryJournal:
    """A `Journal` that outlives the loops that write it."""

    def __init__(self) -> None:
        """Start empty."""
        self.conversations: dict[JournalKey, list[JournalEntry]] = {}
        self.blobs: dict[str, bytes] = {}

    async def load(self, key: JournalKey) -> list[JournalEntry]:
        """See `Journal.load`."""
        return list(self.conversations.get(key, []))

    async def append(self, key: JournalKey, entry: JournalEntry) -> None:
        """See `Journal.append`."""
        entries = self.conversations.setdefault(key, [])
        if entry.seq < len(entries):
            if entries[entry.seq] != entry:
                raise InvariantBroken("A journal entry was written twice with different contents.", seq=entry.seq)
            return
        if entry.seq > len(entries):
            raise InvariantBroken("A journal entry would leave a gap.", seq=entry.seq)
        entries.append(entry)

    async def put_blob(self, content: bytes) -> str:
        """See `Journal.put_blob`."""
        name = hashlib.sha256(content).hexdigest()
        self.blobs[name] = content
        return name

    async def get_blob(self, sha256: str) -> bytes:
        """See `Journal.get_blob`."""
        if sha256 not in self.blobs:
            raise NotFound("blob", sha256)
        return self.blobs[sha256]


@dataclass(slots=True)
class LedgerLine:
    """One call's money."""

    reservation: Reservation
    role: str
    stage: str
    repository: str | None
    model: str
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    latency_s: float = 0.0

    @property
    def counted_usd(self) -> Decimal:
        """What counts against the budget."""
        return self.reservation.worst_case_usd if self.cost_usd is None else self.cost_usd


class MemoryLedger:
    """A `Ledger` with one budget."""

    def __init__(self, budget_usd: Decimal = Decimal(50)) -> None:
        """`budget_usd` may be changed while in use."""
        self.budget_usd = budget_usd
        self.lines: dict[str, LedgerLine] = {}

    async def reserve(
        self, *, key: str, role: str, stage: str, repository: str | None, model: str, worst_case_usd: Decimal
    ) -> Reservation:
        """See `Ledger.reserve`."""
        if key in self.lines:
            return self.lines[key].reservation
        spent = await self.spent_usd()
        if spent + worst_case_usd > self.budget_usd:
            raise PersonNeeded(
                PauseReason.BUDGET,
                f"The next call could cost {worst_case_usd} USD; {self.budget_usd - spent} USD of the budget are left.",
                worst_case_usd=str(worst_case_usd),
                left_usd=str(self.budget_usd - spent),
            )
        reservation = Reservation(reservation_id=key, worst_case_usd=worst_case_usd)
        self.lines[key] = LedgerLine(reservation, role, stage, repository, model)
        return reservation

    async def settle(self, reservation: Reservation, *, usage: Usage, cost_usd: Decimal, latency_s: float) -> None:
        """See `Ledger.settle`."""
        line = self.lines[reservation.reservation_id]
        if line.cost_usd is None:
            line.usage, line.cost_usd, line.latency_s = usage, cost_usd, latency_s

    async def spent_usd(self) -> Decimal:
        """See `Ledger.spent_usd`."""
        return sum((line.counted_usd for line in self.lines.values()), Decimal(0))

    @property
    def open_lines(self) -> list[LedgerLine]:
        """Reservations that were never settled."""
        return [line for line in self.lines.values() if line.cost_usd is None]


class QueuedInstructions:
    """`Instructions` of one conversation: each is handed out once, and again for the turn that took it."""

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: list[Instruction] = []
        self._taken: list[tuple[int, Instruction]] = []
        self._put = asyncio.Event()

    def put(self, intervention_id: str, text: str, actor: str = "operator") -> None:
        """Queue an instruction."""
        self._waiting.append(Instruction(intervention_id=intervention_id, text=text, actor=actor))
        self._put.set()

    async def take(
        self,
        *,
        repository: str | None,  # noqa: ARG002 - this queue belongs to one conversation
        role: str,  # noqa: ARG002 - likewise
        turn: int,
    ) -> Sequence[Instruction]:
        """See `Instructions.take`."""
        self._taken += [(turn, instruction) for instruction in self._waiting]
        self._waiting = []
        self._put.clear()
        return [instruction for taken_at, instruction in self._taken if taken_at == turn]

    async def spoken(self, *, repository: str | None, known: Collection[str]) -> None:  # noqa: ARG002 - one conversation
        """See `Instructions.spoken`."""
        await self._put.wait()


@dataclass(slots=True)
class EventLog:
    """An `Emit` that remembers."""

    events: list[Any] = field(default_factory=list)

    async def __call__(self, event: Any) -> None:
        """See `Emit`."""
        self.events.append(event)

    def of_type(self, kind: str) -> list[Any]:
        """Return the events of one type, in order."""
        return [event for event in self.events if event.type == kind]


class MemoryWorkspace:
    """Snapshots of a small tree by content. `.git` directories are left alone."""

    def __init__(self, root: Path) -> None:
        """Remember nothing yet."""
        self.root = root
        self._trees: dict[str, dict[str, bytes]] = {}

    async def found(self) -> str:
        """See `Workspace.found`."""
        return await self.snapshot()

    async def snapshot(
        self,
        *,
        declared: Collection[str] = (),  # noqa: ARG002 - all files count here
        edited: Collection[str] = (),  # noqa: ARG002 - as above
    ) -> str:
        """See `Workspace.snapshot`; nothing is ignored here."""
        files = self.files()
        digest = hashlib.sha256()
        for name, content in sorted(files.items()):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        commit = digest.hexdigest()[:40]
        self._trees[commit] = files
        return commit

    async def restore(self, commit: str) -> None:
        """See `Workspace.restore`."""
        wanted = self._trees[commit]
        for name in self.files().keys() - wanted.keys():
            (self.root / name).unlink()
        for name, content in wanted.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    async def holds(self, commit: str) -> bool:
        """See `Workspace.holds`."""
        return commit in self._trees

    def files(self) -> dict[str, bytes]:
        """Return the tree's files by relative path."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not path.is_symlink() and ".git" not in path.parts
        }


class UncontainedSandbox:
    """A `Sandbox` that contains nothing: real processes, killed with their group. For tests only."""

    def __init__(self) -> None:
        """Remember the commands for assertions."""
        self.commands: list[SandboxCommand] = []

    def isolation(self) -> Isolation:
        """See `Sandbox.isolation`."""
        return Isolation(name="none", detail="test double without containment")

    async def run(self, command: SandboxCommand) -> CommandResult:
        """See `Sandbox.run`."""
        self.commands.append(command)
        with tempfile.TemporaryFile() as output:
            process = await asyncio.create_subprocess_exec(
                *command.argv,
                cwd=command.cwd,
                env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": "/nonexistent", **command.environment},
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
            timed_out = False
            try:
                async with asyncio.timeout(command.timeout_s):
                    await process.communicate(command.stdin or b"")
            except TimeoutError:
                timed_out = True
            finally:
                _kill_group(process.pid)
                await process.wait()
            output.seek(0)
            return _result(output.read(), process.returncode or 0, timed_out=timed_out, limit=command.output_max_bytes)


def _result(raw: bytes, code: int, *, timed_out: bool, limit: int) -> CommandResult:
    truncated = len(raw) > limit
    if truncated:
        half = limit // 2
        raw = raw[:half] + b"\n[...]\n" + raw[-half:]
    exit_code = code if code >= 0 else 128 - code
    return CommandResult(
        exit_code=exit_code, output=raw.decode(errors="replace"), timed_out=timed_out, truncated=truncated
    )


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
