"""Test runs of the pipeline that were seen before in this test run, told again instead of run again.

Problem: most tests of the line prove the same few trees with the same few selections, and each proof costs a sandbox and a
pytest. Choice: a sandbox that knows what a test run left behind, by everything that could decide it: the bytes of the tree, the
command, its environment and its limits; the random name of the planted canary, the nonce of planted failures and the places are
told as those of this run.
The `.git` of a tree counts only where a file speaks of git: such a run is never remembered. Invariant: nor is one that changed
its tree (but for pytest's cache), was cut off or left anything but its report; and no product code knows of this.

Genuine, whatever was seen before: each first run of a tree; every run in `test_line` (3 lines, 14 runs), `test_real_package`,
`tests/hostile`, `tests/chaos`, `tests/acceptance` and `tests/evidence`.
"""

import asyncio
import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pipeline.ports import CommandResult, Isolation, Sandbox, SandboxCommand

_REPORT = re.compile(r"--junitxml=(\S+)")
_CANARY = re.compile(r"(?:.*/)?test_([0-9a-f]{12})\.py")
_NONCE = re.compile(r"raise AssertionError\('([0-9a-f]{32})'\)")
_BESIDE_THE_TREE = frozenset({".git", ".pytest_cache"})
"""No two trees have the same `.git`, because commits and index hold times; pytest's cache is what a run leaves."""
_LOOKS_BESIDE = re.compile(rb"\bgit\b|scm|vcs|pytest_cache|cacheprovider|--lf|--ff|--nf|--sw|last-failed|failed-first")
REMEMBERED_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Seen:
    result: CommandResult
    report: str


DEPTH_MAX = 40


@dataclass(frozen=True, slots=True)
class Proofs:
    """What the processes of this test run have seen, a file for each, put in place whole."""

    place: Path

    def remembering(self, sandbox: Sandbox, root: Path) -> "RememberingSandbox":
        """Let a sandbox tell again what was seen in any; `root` is the directory of the test."""
        return RememberingSandbox(sandbox, root, self)

    def known(self, key: str) -> _Seen | None:
        try:
            told = json.loads((self.place / key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return _Seen(CommandResult(**told["result"]), told["report"])

    def keep(self, key: str, seen: _Seen) -> None:
        fresh = self.place / f"{key}.{os.getpid()}"
        fresh.write_text(json.dumps(asdict(seen)), encoding="utf-8")
        fresh.replace(self.place / key)


@dataclass(frozen=True, slots=True)
class RememberingSandbox:
    """Implements `pipeline.ports.Sandbox` for the pipeline's own test runs; everything else just runs."""

    sandbox: Sandbox
    root: Path
    proofs: Proofs

    def isolation(self) -> Isolation:
        return self.sandbox.isolation()

    async def run(self, command: SandboxCommand) -> CommandResult:
        run = _Run.of(command, self.root)
        before = await asyncio.to_thread(run.key) if run is not None else None
        if run is None or before is None:
            return await self.sandbox.run(command)
        if (known := self.proofs.known(before)) is not None:
            run.report.write_text(run.here(known.report))
            return replace(known.result, output=run.here(known.result.output))
        result = await self.sandbox.run(command)
        alone = [path.name for path in run.report.parent.iterdir()] == [run.report.name]
        whole = not result.timed_out and not result.truncated
        if alone and whole and await asyncio.to_thread(run.key) == before:
            told = replace(result, output=run.anywhere(result.output))
            self.proofs.keep(before, _Seen(told, run.anywhere(run.report.read_text())))
        return result


@dataclass(frozen=True, slots=True)
class _Run:
    """One test run and the words in it that are this run's alone."""

    command: SandboxCommand
    report: Path
    own: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, command: SandboxCommand, root: Path) -> "_Run | None":
        report = next((Path(found.group(1)) for one in command.argv if (found := _REPORT.fullmatch(one))), None)
        if report is None or command.stdin is not None:
            return None
        planted = {found.group(1) for one in (*command.argv, *_names(command.cwd)) if (found := _CANARY.fullmatch(one))}
        nonces = {nonce for one in command.argv for nonce in _NONCE.findall(_text(command.cwd / one))}
        places = ((report.parent.parent, "{scratch}"), (command.cwd, "{tree}"), (root, "{root}"))
        own = [(str(place), word) for place, word in places] + [(token, "{canary}") for token in planted]
        own += [pair for nonce in nonces for pair in ((nonce, "{nonce}"), (nonce[:12], "{mark}"))]
        return cls(command, report, tuple(own))

    def anywhere(self, text: str) -> str:
        for own, word in self.own:
            text = text.replace(own, word)
        return text

    def here(self, text: str) -> str:
        for own, word in self.own:
            text = text.replace(word, own)
        return text

    def key(self) -> str | None:
        """Return what decides this run.

        None for a tree that holds more than small regular files in reach, or one whose tests may look at its `.git`.
        """
        command, digest = self.command, hashlib.sha256()
        facts = (command.argv, sorted(command.environment.items()), command.read_only, command.mounts, command.tree_at,
                 command.network, command.timeout_s, command.output_max_bytes)  # fmt: skip
        digest.update(self.anywhere(repr(facts)).encode())
        total = 0
        ahead = [command.cwd]
        while ahead:
            for entry in sorted(os.scandir(ahead.pop()), key=lambda one: self.anywhere(one.name)):
                path, status = Path(entry.path), entry.stat(follow_symlinks=False)
                if path.parent == command.cwd and entry.name in _BESIDE_THE_TREE:
                    continue
                total += status.st_size
                if entry.is_dir(follow_symlinks=False) and len(path.parts) < len(command.cwd.parts) + DEPTH_MAX:
                    ahead.append(path)
                    continue
                if not entry.is_file(follow_symlinks=False) or total > REMEMBERED_MAX_BYTES:
                    return None
                name, text = str(path.relative_to(command.cwd)), path.read_bytes()
                if _LOOKS_BESIDE.search(text):
                    return None
                digest.update(self.anywhere(f"\0{name}\0{status.st_mode:o}\0").encode() + self._bytes(text))
        return digest.hexdigest()

    def _bytes(self, content: bytes) -> bytes:
        for own, word in self.own:
            content = content.replace(own.encode(), word.encode())
        return content


def _names(tree: Path) -> list[str]:
    """Return the paths of a tree, among them that of a canary that no argument names."""
    return [f"{folder}/{name}" for folder, _, names in os.walk(tree) for name in names]


def _text(path: Path) -> str:
    """Return a test file's text; empty for what is none."""
    return path.read_text("utf-8", "replace") if path.suffix == ".py" and path.is_file() else ""
