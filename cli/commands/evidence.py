"""`evidence`: the signed bundle of one change request, and checking one without database or network."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from cli.change_requests import identify, path_of
from cli.evidence_text import print_bundle
from cli.exits import CHECK_FAILED
from cli.local.data_directory import storage_refusal
from cli.options import ChangeRequest, Json
from cli.output import Output, printable
from cli.session import begin
from pipeline.adapters.git.commit_reader import GitCommitReader
from pipeline.adapters.signing import Ed25519Verifier
from pipeline.errors import CallerError
from pipeline.evidence.bundle_verification import BUNDLE_MAX_BYTES, VerificationResult, verify_bundle
from pipeline.machine.private_files import write_private


class _ShowUnlessNamed(TyperGroup):
    """`evidence CR` means `evidence show CR`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in {"--help", "-h"}:
            args = ["show", *args]
        return super().parse_args(ctx, args)


app = typer.Typer()
group = typer.Typer(cls=_ShowUnlessNamed, no_args_is_help=True)
app.add_typer(group, name="evidence")


@group.callback()
def _group() -> None:
    """Show, save or verify the evidence of a change request.

    `changeline evidence CR` shows it, `changeline evidence CR --output FILE` saves it.
    """


@group.command()
def show(
    cr: ChangeRequest,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Save the signed file here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show or save the signed evidence of a change request.

    With --json, the file itself goes to stdout, byte for byte.
    """
    with begin(as_json=as_json) as session:
        content = session.client.content(f"{path_of(identify(session.client, cr))}/evidence")
        if output is not None:
            try:
                write_private(output.absolute(), content.decode("utf-8"))
            except OSError as error:
                raise storage_refusal(error, output, field="--output") from error
            check = f"changeline evidence verify {shlex.quote(str(output))} --repo PATH"
            session.out.note(f"Saved to {output}; check it with: {check}")
        if as_json:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        elif output is None:
            print_bundle(session.out, content)


@group.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The evidence, as it was saved.")],
    *,
    repo: Annotated[
        list[str],
        typer.Option("--repo", metavar="PATH", help="A clone of the repository; NAME=PATH for each of several."),
    ],
    fingerprint: Annotated[
        str | None, typer.Option(metavar="SHA256:…", help="The installation that must have signed it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check evidence without trusting its author: no database, no network.

    Recomputes hashes, signature, commits, coverage, approvals and verdicts. Exit 0 when everything holds, 1 when
    something does not, 2 when the file or the repository cannot be read.
    """
    out = Output(as_json=as_json)
    readers = _readers(repo)
    result = verify_bundle(
        _read(file),
        open_repository=lambda name: readers.get(name, readers.get("")),
        verifier=Ed25519Verifier(),
        expected_fingerprint=fingerprint,
    )
    if as_json:
        out.value(_value(result))
    for line in result.passed:
        out.styled("[green]✓[/green] " + escape(printable(line)))
    for line in result.failures:
        out.styled("[red]✗[/red] " + escape(printable(line)))
    for line in result.notes:
        out.line(f"  {line}", "dim")
    out.line(
        "The evidence holds." if result.ok else "THE EVIDENCE DOES NOT HOLD.", "bold green" if result.ok else "bold red"
    )
    raise typer.Exit(0 if result.ok else CHECK_FAILED)


def _readers(given: list[str]) -> Mapping[str, GitCommitReader]:
    """By name; a path without a name serves every repository."""
    found: dict[str, GitCommitReader] = {}
    for one in given:
        name, equals, path = one.partition("=")
        if not equals or "/" in name:
            name, path = "", one
        if name in found:
            raise CallerError("Two repositories have no name.", field="--repo", remedy="Give NAME=PATH for each.")
        found[name] = GitCommitReader(Path(path).expanduser().absolute())
    return found


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(BUNDLE_MAX_BYTES + 1)
    except OSError as error:
        raise CallerError(
            f"{file} cannot be read: {error.strerror}.",
            field="FILE",
            remedy="Name a file that `evidence --output` made.",
        ) from error


def _value(result: VerificationResult) -> dict[str, Any]:
    bundle = result.bundle
    return {
        "ok": result.ok,
        "change_request": bundle.sections.subject.cr_id if bundle else None,
        "signed_by": bundle.signature.fingerprint if bundle else None,
        "passed": list(result.passed),
        "failures": list(result.failures),
        "notes": list(result.notes),
    }
