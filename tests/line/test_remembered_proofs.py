"""The frame itself: a test run is told again for the same files, by another process too, and never where it could differ."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.ports import CommandResult, Isolation, SandboxCommand
from tests.line.remembered_proofs import Proofs


@dataclass(slots=True)
class Counting:
    """A sandbox whose test runs leave what a real one leaves, and perhaps more."""

    litter: str = ".pytest_cache/lastfailed"
    runs: int = 0

    def isolation(self) -> Isolation:
        return Isolation(name="none", detail="")

    async def run(self, command: SandboxCommand) -> CommandResult:
        self.runs += 1
        report = Path(command.argv[-1].removeprefix("--junitxml="))
        report.write_text(f"<in {command.cwd}>")
        left = command.cwd / self.litter
        left.parent.mkdir(exist_ok=True)
        left.write_text("left")
        return CommandResult(exit_code=self.runs, output=f"in {command.cwd}")


@pytest.mark.parametrize(
    ("second", "litter", "runs"),
    [
        ({}, ".pytest_cache/lastfailed", 1),
        ({".git/HEAD": "another"}, ".pytest_cache/lastfailed", 1),
        ({"a.py": "pass # other"}, ".pytest_cache/lastfailed", 2),
        ({}, "left.txt", 2),
        ({"a.py": "run(['git', 'log'])"}, ".pytest_cache/lastfailed", 4),
    ],
    ids=["same", "other .git", "other file", "changed itself", "speaks of git"],
)
async def test_what_is_told_again(tmp_path: Path, second: dict[str, str], litter: str, runs: int) -> None:
    (tmp_path / "proofs").mkdir()
    sandbox = Counting(litter)
    first = second if "git'" in second.get("a.py", "") else {}
    results = []
    for number, files in enumerate((first, second, *([second, second] if first else []))):
        root = tmp_path / str(number)
        tree, scratch = root / "tree", root / "scratch" / "results"
        scratch.mkdir(parents=True)
        for name, text in {".git/HEAD": "one", "a.py": "pass", **files}.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        command = SandboxCommand(argv=("pytest", f"--junitxml={scratch}/junit.xml"), cwd=tree, writable=(tree,))
        # Another object, as another process has it: what was seen lies on disk.
        result = await Proofs(tmp_path / "proofs").remembering(sandbox, root).run(command)
        results.append(result.exit_code)
        assert (result.output, (scratch / "junit.xml").read_text()) == (f"in {tree}", f"<in {tree}>")
    assert (sandbox.runs, results[-1]) == (runs, runs)
