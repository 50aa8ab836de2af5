"""`make demo`: a sample repository, a real change request, every stage, a merged branch; told as the commands one would type.

Choice: the demo is a transcript of real commands against the real system; only the model's intelligence is scripted. It
works in a temporary directory of its own, with an environment free of keys and addresses, and leaves nothing behind.
With a terminal the control room stays open at the end; with `CHANGELINE_DEMO_EXIT=1` or without a terminal it ends.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from cli.client import Answer
from controller.change_requests.schemas import ChangeRequestDetail
from controller.learnings.schemas import LearningList
from controller.signers.schemas import SignerList

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SAMPLE = "parcel-rates"
HIDDEN = ("ANTHROPIC_", "OPENAI_", "GITHUB_", "LANGSMITH_", "LANGCHAIN_", "OTEL_", "AWS_", "GIT_", "CHANGELINE_")


class Demo:
    """One run of the demo in one directory."""

    def __init__(self, directory: Path, surrounding: Mapping[str, str]) -> None:
        self._directory = directory
        self._repository = directory / SAMPLE
        self._console = Console(highlight=False, soft_wrap=True)
        kept = {name: value for name, value in surrounding.items() if not name.upper().startswith(HIDDEN)}
        self._environment = {name: value for name, value in kept.items() if not name.upper().endswith("_PROXY")}
        self._environment |= {
            "CHANGELINE_DATA_DIR": str(directory / "data"),
            "CHANGELINE_ENVIRONMENT__OFFLINE": "true",  # the sample needs nothing, and the demo no network
            "PYTHONPATH": str(EXAMPLES.parent),
        }

    def play(self, *, stay: bool) -> None:
        """Run the whole demo; with `stay` the control room is left open until Ctrl-C."""
        self._prepare()
        scenario = EXAMPLES / f"{SAMPLE}.scenario.yaml"
        try:
            self._say("Start everything on this machine. The model is scripted: no key is needed, none is used.")
            self._show("up", "--detach", "--port", "0", "--scenario", str(scenario))
            self._change_request()
            if stay:
                self._stay()
        finally:
            self._show("down")

    def _change_request(self) -> None:
        request = EXAMPLES / f"{SAMPLE}.request.md"
        self._say(f"Submit a change request for {self._repository} and follow it live.")
        cr_id = self._ask(ChangeRequestDetail, "submit", "--repo", str(self._repository), "--file", str(request)).id
        self._show("watch", cr_id, may_rest=True)
        self._say("The release waits for a person. Here is what the approver sees; the approval binds to its hash.")
        self._show("approve", cr_id, "--yes", "--comment", "Seen in the demo.")
        self._show("watch", cr_id)
        self._say("What this run taught enters later prompts only after a person approved it.")
        for learning in self._ask(LearningList, "learnings", "list").items:
            self._show("learnings", "approve", learning.id)
        self._say("The evidence is one signed file, checked without a database or network.")
        bundle = self._directory / "evidence.json"
        self._show("evidence", cr_id, "--output", str(bundle))
        self._say("Anybody can sign, so whoever checks it says whose key counts. The installation tells its own:")
        self._show("evidence", "signer")
        signer = self._ask(SignerList, "evidence", "signer").items[0]
        self._say("Somebody else needs the file, a clone of the repository, and that fingerprint.")
        clone = self._directory / "their-clone"
        git = ["git", "clone", "-q", str(self._repository), str(clone)]
        subprocess.run(git, env=self._environment, check=True)
        self._show("evidence", "verify", str(bundle), "--repo", str(clone), "--fingerprint", signer.fingerprint)
        self._say("What was merged:")
        subprocess.run(
            ["git", "-C", str(self._repository), "log", "--graph", "--oneline", "--stat", "-4"],
            env=self._environment,
            check=True,
        )

    def _prepare(self) -> None:
        shutil.copytree(EXAMPLES / SAMPLE, self._repository)
        git = ["git", "-C", str(self._repository), "-c", "user.name=Demo", "-c", "user.email=demo@localhost"]
        for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Parcel rates"]):
            subprocess.run([*git, *arguments], env=self._environment, check=True)

    def _stay(self) -> None:
        self._say("The control room is open. This link works once:")
        self._show("login")
        self._say("Press Ctrl-C to stop.")
        with _interruptible():
            signal.pause()

    def _say(self, text: str) -> None:
        self._console.print(f"\n[bold]{escape(text)}[/bold]")
        sys.stdout.flush()

    def _show(self, *arguments: str, may_rest: bool = False) -> None:
        """Run a command in front of the viewer; `may_rest` accepts that a person is waited for."""
        places = {str(self._directory): "DEMO", f"{EXAMPLES.parent}/": ""}
        shown = shlex.join(_shorten(argument, places) for argument in arguments)
        self._console.print(f"[cyan]$ changeline {escape(shown)}[/cyan]")
        sys.stdout.flush()
        code = subprocess.run(self._command(*arguments), env=self._environment, check=False).returncode
        if code not in ({0, 3} if may_rest else {0}):
            raise SystemExit(code)

    def _ask(self, model: type[Answer], *arguments: str) -> Answer:
        """Run a command for its answer."""
        command = self._command(*arguments, "--json")
        done = subprocess.run(command, env=self._environment, check=False, stdout=subprocess.PIPE)
        if done.returncode != 0:
            sys.stdout.buffer.write(done.stdout)
            raise SystemExit(done.returncode)
        return model.model_validate_json(done.stdout)

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cli", *arguments]


def _shorten(argument: str, places: Mapping[str, str]) -> str:
    for place, name in places.items():
        argument = argument.replace(place, name)
    return argument


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        sys.stdout.write("\n")


def main() -> None:
    """Play the demo and clean up."""
    surrounding = dict(os.environ)  # noqa: TID251 - a composition root; children get it without keys and addresses
    stay = sys.stdout.isatty() and not surrounding.get("CHANGELINE_DEMO_EXIT")
    directory = Path(tempfile.mkdtemp(prefix="changeline-demo-"))
    directory.chmod(0o755)
    try:
        Demo(directory, surrounding).play(stay=stay)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
