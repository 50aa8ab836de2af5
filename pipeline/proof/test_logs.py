"""What a test run printed, as the text that people read.

Problem: a report keeps the end of the output only, and the raw output is no text: colours, progress lines, results as
JSON. Choice: the whole output, made plain, with the command before it and the end after it, stored beside the run.
Invariants: no verdict is read from it; what has the shape of a secret is masked; never more than `LOG_MAX_BYTES`, cut in
the middle, because a run says what it is at its beginning and what went wrong at its end.
"""

import re
import shlex
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.ports import CommandResult
from pipeline.proof.secret_shapes import redacted_lines
from pipeline.proof.test_commands import ResultFormat, TestCommand

KIND = "test_log"
LOG_MAX_BYTES = 2 * 1024 * 1024
_HEAD_BYTES = LOG_MAX_BYTES // 4
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]"
)
"""Control sequences of terminals: colours and cursor, titles and links, single functions."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLog:
    """The output of one run. `cut` says that its middle is left out; the text says where and how much."""

    text: str
    cut: bool


class LogFacts(BaseModel):
    """What is stored beside a log."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cut: bool = False


class _GoEvent(BaseModel):
    output: str = Field("", alias="Output")


def name_of(repository: str, activation: str, purpose: str, commit: str) -> str:
    """Return the name under which the log of a stored test run is kept."""
    return f"{repository}/{activation}/{purpose}/{commit}"


def log_of(command: TestCommand, result: CommandResult, planted: str | None = None) -> RunLog:
    """Return the log of a finished command. `planted` is the file of a canary, whose failure belongs to the log."""
    output = _go_text(result.output) if command.results is ResultFormat.GO_EVENTS else result.output
    shown, cut = _capped(redacted_lines(plain_text(output)))
    lines = [f"$ {shlex.join(command.argv)}"]
    if planted is not None:
        lines.append(f"[Changeline planted {planted} in this run; its test must fail and counts for nothing.]")
    lines += [shown.rstrip("\n") or "[The run printed nothing.]", _ending(result)]
    text = "\n".join(lines) + "\n"
    # The name of a file may hold bytes that are no text, which come as halves of characters.
    return RunLog(text=text.encode(errors="replace").decode(), cut=cut or result.truncated)


def plain_text(output: str) -> str:
    """Return what a terminal was told as text: no control sequences, one kind of line end."""
    told = _ESCAPES.sub("", output).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", told)


def _go_text(output: str) -> str:
    """Return what the events of `go test -json` carry; lines that are no events stay as they are."""
    return "".join(map(_go_line, output.splitlines(keepends=True)))


def _go_line(line: str) -> str:
    if not line.startswith("{"):
        return line
    try:
        return _GoEvent.model_validate_json(line).output
    except ValidationError:
        return line


def _capped(text: str) -> tuple[str, bool]:
    whole = text.encode(errors="replace")
    if len(whole) <= LOG_MAX_BYTES:
        return whole.decode(), False
    head, tail = whole[:_HEAD_BYTES], whole[_HEAD_BYTES - LOG_MAX_BYTES :]
    left_out = len(whole) - len(head) - len(tail)
    gap = f"\n[… {left_out:,} bytes left out: a log is kept up to {LOG_MAX_BYTES:,} bytes …]\n"
    return head.decode(errors="ignore") + gap + tail.decode(errors="ignore"), True


def _ending(result: CommandResult) -> str:
    if result.timed_out:
        return f"[The run did not end in time and was stopped after {result.duration_s:.1f} s.]"
    return f"[The process ended with exit code {result.exit_code} after {result.duration_s:.1f} s.]"
