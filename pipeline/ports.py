"""What the product may ask of the world, as Protocols.

Problem: a stage that names a database, a git binary or a provider cannot be tested or moved. Choice: each need is one
small Protocol here, implemented by one adapter (or by `store`) and, where the real thing is not available in a test,
by one fake in `pipeline.testing`, both held to the same contract tests. Values that cross a port are frozen.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from pipeline.change_request import RepositoryTarget

Json: TypeAlias = dict[str, Any]
"""A JSON object exactly as a provider sends or receives it; the journal stores its bytes."""


class Clock(Protocol):
    """Wall time for records, monotonic time for durations and leases."""

    def now(self) -> datetime:
        """Return the present moment, timezone-aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow; unaffected by changes of the wall clock."""

    async def sleep(self, seconds: float) -> None:
        """Wait; the fake returns when its time is advanced."""


# --- git -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """One path of a diff. `status` is git's letter: A added, M modified, D deleted, R renamed, T type changed."""

    path: str
    status: str
    added: int
    """Lines; 0 for binary files."""
    removed: int
    binary: bool = False
    old_path: str | None = None
    mode: str = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class RebaseResult:
    """`head` is None when conflicts remain; then `conflicts` lists the paths, in git's order."""

    head: str | None
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """The configured identity of commits."""

    name: str
    email: str


class Repository(Protocol):
    """One bare cache of one remote, and the disposable trees made from it. All methods run git off the event loop.

    Commits are named by full SHA. No method ever discovers git from a tree, runs a hook, a filter, an fsmonitor or reads
    user or system configuration. Raises `TransientError` when the remote does not answer.
    """

    name: str

    async def fetch(self) -> None:
        """Bring the cache up to date with the remote's branches. Idempotent."""

    async def branch_head(self, branch: str) -> str | None:
        """Return the commit of a remote branch as of the last fetch; None when there is no such branch."""

    async def remote_ref(self, ref: str) -> str | None:
        """Ask the remote itself for a ref (full name) right now; None when it does not exist."""

    async def has_commit(self, commit: str) -> bool:
        """Whether the cache holds the commit object."""

    async def add_worktree(self, path: Path, commit: str) -> None:
        """Create `path` as a plain tree of `commit` with a disposable `.git` of its own inside (data, never trusted)."""

    async def remove_worktree(self, path: Path) -> None:
        """Delete a tree made by `add_worktree` or `checkout`, and its private index. Idempotent."""

    async def restore_worktree(self, path: Path, commit: str) -> None:
        """Make tracked and untracked (not ignored) files equal `commit` again."""

    async def snapshot(self, path: Path, *, parent: str, message: str) -> str:
        """Commit all non-ignored files of a tree with a private index; return `parent` itself when nothing changed.

        Raises `ModelError` when a nested `.git` directory or a bare gitlink is found.
        """

    async def checkout(self, path: Path, commit: str) -> None:
        """Write the files of `commit` into an empty directory, without any `.git`: the clean checkout of witnesses."""

    async def commit_files(
        self, *, parent: str, files: Mapping[str, bytes | None], message: str, author: Author
    ) -> str:
        """Build a commit on `parent` with the given contents (None deletes), without any tree on disk."""

    async def commit_tree_of(
        self, commit: str, *, parents: Sequence[str], message: str, author: Author, when: datetime
    ) -> str:
        """Build a commit with the tree of `commit` and other parents. Same inputs give the same SHA."""

    async def update_ref(self, ref: str, commit: str) -> None:
        """Set a ref of the cache, so that the commit survives git's garbage collection."""

    async def drop_refs(self, prefix: str) -> None:
        """Delete the cache's refs below a prefix (full, ending in a slash). Idempotent."""

    async def refs(self, prefix: str) -> Mapping[str, str]:
        """Return the cache's refs below a prefix (full, ending in a slash): name to commit."""

    async def remote_refs(self, prefixes: Sequence[str]) -> Mapping[str, str]:
        """Ask the remote for its refs below these prefixes right now: name to commit."""

    async def fetch_refs(self, names: Sequence[str], *, into: str) -> None:
        """Bring refs of the remote (full names) into the cache, below `into`. Idempotent."""

    async def unpublished(self, commit: str, *, known: Sequence[str]) -> list[str]:
        """Return what `commit` adds to `known` and to the remote's branches as of the last fetch, oldest first."""

    async def added_sizes(self, commit: str) -> Mapping[str, int]:
        """Return the bytes of each file that a commit adds or changes against its first parent."""

    async def ignored_paths(self, commit: str, paths: Sequence[str]) -> list[str]:
        """Return which of `paths` the ignore rules of `commit` exclude."""

    async def changed_files(self, base: str, head: str) -> list[ChangedFile]:
        """List what differs between two commits, renames detected."""

    async def diff(self, base: str, head: str, *, paths: Sequence[str] = (), context_lines: int = 3) -> str:
        """Return the unified diff between two commits."""

    async def read_file(self, commit: str, path: str) -> bytes | None:
        """Return a file's bytes at a commit; None when it does not exist or is not a regular file."""

    async def list_files(self, commit: str) -> list[str]:
        """Return all paths of a commit, sorted."""

    async def message(self, commit: str) -> str:
        """Return a commit's whole message."""

    async def commit_facts(self, commit: str) -> "CommitFacts":
        """Return a commit's tree and parents."""

    async def committed_at(self, commit: str) -> datetime:
        """Return when a commit was made, as it says itself."""

    async def log(self, base: str, head: str, *, limit: int = 50) -> list[tuple[str, str]]:
        """Return (sha, subject) of the commits in base..head, newest first."""

    async def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether `ancestor` is reachable from `descendant` (equal counts)."""

    async def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor."""

    async def rebase(self, *, commits_from: str, head: str, onto: str, worktree: Path, author: Author) -> RebaseResult:
        """Replay `commits_from..head` onto `onto`. With conflicts, `worktree` holds the files with conflict markers."""

    async def continue_rebase(self, *, worktree: Path, author: Author) -> RebaseResult:
        """Go on after the conflicts in `worktree` were resolved; refuses files that still hold markers."""

    async def push(self, *, commit: str | None, ref: str, expected: str | None) -> None:
        """Move a remote ref by compare-and-swap from `expected` (None: must not exist) to `commit` (None deletes).

        Idempotent: a ref that already is at `commit` is success. Raises `Conflict` when the remote's value is neither,
        `PersonNeeded(target_checkout_dirty)` when the ref is checked out in a dirty work tree of a local repository,
        `TransientError` when the remote is away.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFacts:
    """What a look at a remote found, before it is registered. `warnings` are sentences for a person."""

    remote: str
    base_branch: str
    """The branch asked for, or the remote's default branch."""
    base_commit: str
    default_branch: str | None
    """Where the remote's HEAD points; None when it is detached or points to a branch without commits."""
    branches: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class Forge(Protocol):
    """Where changes are merged. What a merge will be is built and recorded first; then the target moves to exactly that."""

    async def build_merge(
        self,
        repository: Repository,
        target: RepositoryTarget,
        *,
        base: str,
        head: str,
        message: str,
        author: Author,
        when: datetime,
    ) -> str:
        """Return the commit that `target.base_branch` will move to from `base`, by `target.merge_strategy`.

        Nothing outside the cache changes. Same inputs give the same SHA. Raises `Conflict` when `head` does not contain
        `base`: what was tested is then not what would be merged.
        """

    async def is_merged(self, repository: Repository, *, commit: str, base_branch: str) -> bool:
        """Ask the remote whether its base branch contains `commit` right now."""

    async def merge(self, repository: Repository, *, commit: str, base_branch: str, expected: str) -> None:
        """Move the base branch from `expected` to `commit`. Idempotent: a branch that contains `commit` is success.

        Raises what `Repository.push` raises; `Conflict` means that the branch moved and does not contain `commit`.
        """


# --- sandbox ---------------------------------------------------------------------------------------------------------


class Network(StrEnum):
    """What a sandboxed process reaches. `registries` goes through the egress proxy, never to the host's loopback."""

    NONE = "none"
    REGISTRIES = "registries"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxCommand:
    """One process tree to run. Nothing of the host is visible but system directories and the listed paths."""

    argv: tuple[str, ...]
    cwd: Path
    writable: tuple[Path, ...]
    """Usually the worktree alone. Mounted at the same path."""
    read_only: tuple[Path, ...] = ()
    """Toolchains and environments. Mounted at the same path."""
    mounts: Mapping[Path, Path] = field(default_factory=dict)
    """Destination inside to a directory of the host, read-only; see `Environment.mounts_in`."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the fixed minimum (PATH, HOME, LANG, TMPDIR). Nothing is inherited from this process."""
    network: Network = Network.NONE
    timeout_s: float = 120.0
    output_max_bytes: int = 50_000
    stdin: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """How a sandboxed process ended. `output` is stdout and stderr as they came, decoded with replacement, cut in the middle."""

    exit_code: int
    """128 + signal for a killed process."""
    output: str
    timed_out: bool = False
    truncated: bool = False
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """Which containment is active: `bubblewrap`, or `none` where the operator allowed that explicitly."""

    name: str
    detail: str

    @property
    def active(self) -> bool:
        """Whether tool processes are contained at all."""
        return self.name != "none"


class Sandbox(Protocol):
    """Runs untrusted commands. Cancelling `run` kills the whole process tree before it returns."""

    async def run(self, command: SandboxCommand) -> CommandResult:
        """Run to the end, the timeout or the cancellation. Raises `PersonNeeded(sandbox_unavailable)` if it cannot contain."""

    def isolation(self) -> Isolation:
        """Say what is active, as checked at start-up."""


# --- environments of target repositories -----------------------------------------------------------------------------


class Language(StrEnum):
    """Stacks whose tests can be run and read."""

    PYTHON = "python"
    NODE = "node"
    GO = "go"
    RUST = "rust"
    JAVA = "java"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What a repository is made of, found deterministically from the files of its base commit."""

    language: Language
    runner: str
    """`pytest`, `unittest`, `node_test`, `jest`, `vitest`, `npm_script`, `go_test`, `cargo_test`, `maven`, `gradle`, `command`."""
    test_command: str
    """What a person would type; shown to agents and approvers."""
    manifests: tuple[str, ...]
    """Paths whose contents decide the dependency environment."""
    source_roots: tuple[str, ...] = ()
    """Directories whose modules count as this repository's own, for the red witness."""
    test_patterns: tuple[str, ...] = ()
    """Globs of what counts as a test file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Built dependencies of one repository at one manifest hash, mounted read-only for agents and witnesses."""

    manifest_hash: str
    root: Path
    read_only: tuple[Path, ...]
    path: tuple[Path, ...]
    """Directories that go to the front of PATH, in order."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Relative entries of `PYTHONPATH` mean the tree, so commands start in its root."""
    tree_mounts: Mapping[str, Path] = field(default_factory=dict)
    """Directories that have to appear inside the tree, such as `node_modules`: path in the tree to built directory."""
    log: str = ""

    def mounts_in(self, tree: Path) -> dict[Path, Path]:
        """Return `tree_mounts` for one tree, as `SandboxCommand.mounts` wants them. Git sees only an empty directory."""
        return {tree / name: built for name, built in self.tree_mounts.items()}


class Environments(Protocol):
    """Builds dependency environments once per manifest hash, in a sandbox with network and without secrets."""

    async def prepare(self, stack: Stack, files: Path, manifest_hash: str) -> Environment:
        """Return the environment, building it if this hash was never built; raises `PersonNeeded(environment_failed)`."""


# --- models ----------------------------------------------------------------------------------------------------------


class ModelClass(StrEnum):
    """How capable a role's model has to be; settings map each class to a provider chain."""

    PREMIUM = "premium"
    DEFAULT = "default"
    CHEAP = "cheap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call, as billed. `estimated` marks a cut call whose output was never reported."""

    input_tokens: int
    """Fresh input, neither read from nor written to the cache."""
    cache_write_tokens: int
    cache_read_tokens: int
    output_tokens: int
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One call in the Messages form. Lists are sent as they are, byte for byte."""

    model: str
    system: tuple[Json, ...]
    tools: tuple[Json, ...]
    messages: tuple[Json, ...]
    max_tokens: int
    timeout_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """A complete answer. `stop_reason` is never None: an answer without one is a broken stream and raises instead."""

    model: str
    content: tuple[Json, ...]
    stop_reason: str
    usage: Usage
    request_id: str | None = None


DeltaListener: TypeAlias = Callable[[str], None]
"""Called with each piece of text as it streams; must return at once."""

UsageListener: TypeAlias = Callable[[Usage], None]
"""Called when the provider states the input of a call, and again as output streams; must return at once.

What it saw last is what a cut call is settled by; `estimated` is always set.
"""


class ModelProvider(Protocol):
    """One provider behind its official SDK, streaming."""

    name: str

    async def ask(
        self,
        request: ModelRequest,
        on_text: DeltaListener | None = None,
        on_usage: UsageListener | None = None,
    ) -> ModelAnswer:
        """Return the whole answer. Cancelling closes the stream at once.

        Raises `TransientError` for 429, 5xx, 529, timeouts, dropped and truncated streams (with what is known of the
        usage in `facts`), and `PersonNeeded(providers_down)` for authentication and invalid requests.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Money set aside before a call; `reservation_id` is stable over a resume."""

    reservation_id: str
    worst_case_usd: Decimal


class Ledger(Protocol):
    """The per-call record of money. Reserves worst cases against call, stage, CR and tenant budgets."""

    async def reserve(
        self, *, key: str, role: str, stage: str, repository: str | None, model: str, worst_case_usd: Decimal
    ) -> Reservation:
        """Set money aside; repeating with the same key returns the same reservation. Raises `PersonNeeded(budget)`."""

    async def settle(self, reservation: Reservation, *, usage: Usage, cost_usd: Decimal, latency_s: float) -> None:
        """Replace the reservation by what was used. The first settlement wins; repeating is a no-op."""

    async def spent_usd(self) -> Decimal:
        """Return what this change request has settled and still has reserved."""


# --- the journal of agent loops --------------------------------------------------------------------------------------


class EntryKind(StrEnum):
    """Steps of an agent loop, each durable before the next begins."""

    OPENED = "opened"
    ASKED = "asked"
    ANSWERED = "answered"
    OBSERVED = "observed"
    NOTED = "noted"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalKey:
    """One conversation: one agent role instance within one execution of a stage."""

    cr_id: str
    attempt: int
    activation: str
    role: str
    instance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One append-only row. `body` is JSON-plain; `seq` counts from 0 within the key."""

    seq: int
    kind: EntryKind
    body: Json


class Journal(Protocol):
    """Append-only memory of conversations. An entry is durable when `append` returns."""

    async def load(self, key: JournalKey) -> list[JournalEntry]:
        """Return all entries in order."""

    async def append(self, key: JournalKey, entry: JournalEntry) -> None:
        """Store one entry. Storing the same seq again with another body raises `InvariantBroken`."""

    async def put_blob(self, content: bytes) -> str:
        """Store bytes once by content and return their SHA-256; entries refer to large texts by it."""

    async def get_blob(self, sha256: str) -> bytes:
        """Return stored bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What a person told a running agent; delivered once to each conversation it concerns."""

    intervention_id: str
    text: str
    actor: str


class Instructions(Protocol):
    """The receipted queue of what people say."""

    async def take(self, *, repository: str | None, role: str, turn: int) -> Sequence[Instruction]:
        """Return instructions not yet delivered here, marking them delivered with the turn that sees them.

        Asking again for the same turn returns the same ones again, so that a crash between taking an instruction and
        noting it in the journal loses nothing; the journal drops the repetition.
        """


Emit: TypeAlias = Callable[[Any], Awaitable[None]]
"""Appends one `pipeline.events.Event`, in a short transaction of its own."""


class Bell(Protocol):
    """Wakes processes that wait for a row. Losing a ring costs at most a poll interval, never a fact."""

    async def ring(self, topic: str) -> None:
        """Wake the listeners of `topic` in this tenant: `events`, `queue`, `effects`, or `cr:<id>`."""

    def listen(self) -> AsyncIterator[str]:
        """Yield topics as they ring; ends when the connection is lost."""


# --- proof ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretHit:
    """Something that looks like a secret. `masked` never allows to reconstruct it."""

    line: int
    kind: str
    certain: bool
    """Whether the shape belongs to one provider alone; otherwise it is a suspicion."""
    masked: str


class SecretScanner(Protocol):
    """Finds secrets in added lines, without any network."""

    def scan(self, path: str, lines: Sequence[tuple[int, str]]) -> list[SecretHit]:
        """Scan (line number, text) pairs of one file. Raises `PersonNeeded(secret_found)` when it could not scan."""


class Signer(Protocol):
    """This installation's signature over evidence."""

    @property
    def public_key(self) -> bytes:
        """The raw Ed25519 public key, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes; the same message gives the same signature."""


class SignatureVerifier(Protocol):
    """Checks signatures of any installation."""

    def verify(self, *, public_key: bytes, signature: bytes, message: bytes) -> bool:
        """Whether the signature is right; False for malformed keys and signatures too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFacts:
    """A commit as git stores it; full SHAs."""

    sha: str
    tree: str
    parents: tuple[str, ...]


class CommitReader(Protocol):
    """Reads commits of one repository, synchronously and without changing anything: what checking evidence needs."""

    def commit(self, sha: str) -> CommitFacts | None:
        """Return the commit; None when the repository does not hold it."""

    def blobs(self, sha: str) -> Mapping[str, str]:
        """Return path to blob id for all files of a commit; empty when the repository does not hold it."""

    def read(self, sha: str, paths: Sequence[str]) -> Mapping[str, bytes]:
        """Return the bytes of those paths of a commit that are regular files."""

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether `ancestor` is reachable from `descendant` (equal counts); False when either is absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One signed message to another system. `id` is its idempotency key: the same at every try."""

    id: str
    url: str
    secret: str
    """The name of the secret that signs; only the adapter knows secrets."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a receiver answered to a delivery that it took."""

    status: int


class Webhooks(Protocol):
    """Delivers to addresses that people named. An answer that got lost is followed by the same delivery again."""

    def check(self, url: str, secret: str) -> None:
        """Raise `CallerError` when nothing could ever be delivered there: not HTTP, credentials, no such secret."""

    async def deliver(self, delivery: Delivery) -> Receipt:
        """Deliver once.

        Raises `Conflict` for a final refusal (with the receiver's own words, cut, untrusted) or an address that is not
        allowed, and `TransientError` with the receiver's wish for another try later.
        """


class TenantBell(Protocol):
    """The bell of a process that serves every tenant. The same promise as `Bell`."""

    async def ring(self, tenant: str, topic: str) -> None:
        """Wake the listeners of `topic` in one tenant."""

    def listen(self) -> AsyncIterator[tuple[str, str]]:
        """Yield (tenant, topic) as they ring; ends when the connection is lost."""

    async def close(self) -> None:
        """Give back what ringing holds open."""
