"""`evidence`: the signed bundle of one change request, and checking one without database or network."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict
from rich.markup import escape
from typer.core import TyperGroup

from cli.change_requests import identify, path_of
from cli.evidence_text import print_bundle
from cli.exits import CHECK_FAILED, SIGNER_UNKNOWN
from cli.local.data_directory import storage_refusal
from cli.options import ChangeRequest, Json
from cli.output import Output, printable
from cli.session import begin
from cli.signing_keys import own_keys, signers_of
from controller.signers.schemas import SignerList
from pipeline.adapters.git.commit_reader import GitCommitReader
from pipeline.adapters.signing import Ed25519Verifier
from pipeline.errors import CallerError
from pipeline.evidence.bundle import fingerprint as key_fingerprint
from pipeline.evidence.bundle_verification import BUNDLE_MAX_BYTES, Verdict, VerificationResult, verify_bundle
from pipeline.evidence.export import EvidenceFormat
from pipeline.evidence.signer_trust import (
    TRUST_FILE,
    TRUST_FILE_MAX_BYTES,
    Standing,
    TrustedBy,
    TrustedSigner,
    named,
    signers_in,
)
from pipeline.machine.private_files import write_private

_EXITS = {Verdict.HOLDS: 0, Verdict.SIGNER_UNKNOWN: SIGNER_UNKNOWN, Verdict.DOES_NOT_HOLD: CHECK_FAILED}
_HOW_TO_TRUST = (
    "Anybody can change evidence and sign it again, so this says nothing until you trust that key.",
    "Ask the installation for its key by a way that you trust (`changeline evidence signer` there). If it is this one, name it",
    f"with --fingerprint or in a file with --trust FILE, or list it in {TRUST_FILE} on the default branch.",
)


class SignerView(BaseModel):
    """Who signed, as `verify --json` prints it."""

    model_config = ConfigDict(from_attributes=True)

    fingerprint: str
    standing: Standing
    trusted_by: TrustedBy | None
    name: str
    place: str
    """Where the verifier was told to trust it; empty when it is not trusted."""


class EvidenceCheck(BaseModel):
    """What `verify --json` prints."""

    ok: bool
    """The verdict is `holds`."""
    verdict: Verdict
    change_request: str | None
    signer: SignerView | None
    """None when the file cannot be read, or no signature in it is right."""
    passed: tuple[str, ...]
    failures: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, result: VerificationResult) -> "EvidenceCheck":
        """Return what scripts are told of a result."""
        return cls(
            ok=result.ok,
            verdict=result.verdict,
            change_request=result.bundle.sections.subject.cr_id if result.bundle else None,
            signer=SignerView.model_validate(result.signer) if result.signer else None,
            passed=result.passed,
            failures=result.failures,
            notes=result.notes,
        )


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
    form: Annotated[
        EvidenceFormat,
        typer.Option("--format", help="`dsse` is an in-toto statement in a DSSE envelope, for the tools of others."),
    ] = EvidenceFormat.BUNDLE,
    as_json: Json = False,
) -> None:
    """Show or save the signed evidence of a change request.

    With --json, the file itself goes to stdout, byte for byte; so does an envelope that is not saved.
    """
    with begin(as_json=as_json) as session:
        content = session.client.content(f"{path_of(identify(session.client, cr))}/evidence?format={form.value}")
        if output is not None:
            try:
                write_private(output.absolute(), content.decode("utf-8"))
            except OSError as error:
                raise storage_refusal(error, output, field="--output") from error
            session.out.note(f"Saved to {output}; check it with: {_how_to_check(output, content, signers_of(session))}")
        if as_json or (form is EvidenceFormat.DSSE and output is None):
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        elif output is None:
            print_bundle(session.out, content)


def _how_to_check(file: Path, content: bytes, ours: SignerList) -> str:
    """Return the command, with a key that the installation says is its own: of those, the one that the file names."""
    own = next(
        (key.fingerprint for key in ours.items if key.fingerprint.encode() in content), ours.items[0].fingerprint
    )
    return f"changeline evidence verify {shlex.quote(str(file))} --repo PATH --fingerprint {own}"


@group.command()
def signer(
    *,
    every: Annotated[bool, typer.Option("--all", help="Print former keys too, as a list for --trust.")] = False,
    as_json: Json = False,
) -> None:
    """Print the fingerprint of the key by which this installation signs evidence.

    With --all, each line is a key that signs or signed, as `verify --trust` and `.changeline/trusted-signers` read it.
    """
    with begin(as_json=as_json) as session:
        keys = signers_of(session)
        if as_json:
            session.out.value(keys)
        for key in keys.items if every else keys.items[:1]:
            told = f"{key.fingerprint} {'signs now' if key.current else 'signed before'}"
            session.out.line(told if every else key.fingerprint)


@group.command()
def rotate(*, as_json: Json = False) -> None:
    """Have this installation sign evidence with another key from now on.

    Works on the data directory of this machine, whether Changeline runs or not. The former private key is gone afterwards;
    what it signed verifies as before, by its public key. Workers that are at work end with the key they began with. Tell
    verifiers the new fingerprint: `evidence signer --all` prints the list of all keys.
    """
    with begin(as_json=as_json) as session:
        store = own_keys(session.settings)
        former = key_fingerprint(store.current().public_key)
        fresh = key_fingerprint(store.rotate().public_key)
        if as_json:
            session.out.value({"former": former, "current": fresh})
        session.out.line(f"Evidence is signed by {fresh} from now on; {former} still verifies what it signed.")


@group.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The evidence, as it was saved.")],
    *,
    repo: Annotated[
        list[str],
        typer.Option("--repo", metavar="PATH", help="A clone of the repository; NAME=PATH for each of several."),
    ],
    fingerprint: Annotated[
        list[str] | None,
        typer.Option(metavar="SHA256:…", help="The key that must have signed it; several are alternatives."),
    ] = None,
    trust: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Trusted signers: on each line a fingerprint or public key, then a name."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check evidence without trusting its author: no database, no network.

    Recomputes hashes, signature, commits, coverage, approvals and verdicts. Whose signature counts is your word: name keys
    with --fingerprint or --trust; else `.changeline/trusted-signers` on the default branch of your clone counts. Exit 0
    when everything holds and the signer is trusted, 3 when everything holds and the signer is unknown, 1 when something
    does not hold or another signer was named, 2 when the file, a list or the repository cannot be read.
    """
    out = Output(as_json=as_json)
    readers = _readers(repo)
    result = verify_bundle(
        _read(file),
        open_repository=lambda name: readers.get(name, readers.get("")),
        verifier=Ed25519Verifier(),
        trusted=_trusted(fingerprint, trust),
    )
    if as_json:
        out.value(EvidenceCheck.of(result))
    for line in result.passed:
        out.styled("[green]✓[/green] " + escape(printable(line)))
    for line in result.failures:
        out.styled("[red]✗[/red] " + escape(printable(line)))
    for line in result.notes:
        out.line(f"  {line}", "dim")
    _print_verdict(out, result)
    raise typer.Exit(_EXITS[result.verdict])


def _print_verdict(out: Output, result: VerificationResult) -> None:
    match result.verdict:
        case Verdict.HOLDS:
            out.line("The evidence holds.", "bold green")
        case Verdict.DOES_NOT_HOLD:
            out.line("THE EVIDENCE DOES NOT HOLD.", "bold red")
        case Verdict.SIGNER_UNKNOWN:
            signer = result.signer.fingerprint if result.signer else ""
            out.line(f"Internally consistent; signer unknown: {signer}", "bold yellow")
            for line in _HOW_TO_TRUST:
                out.line(f"  {line}")


def _trusted(fingerprints: list[str] | None, files: list[Path] | None) -> list[TrustedSigner] | None:
    """Return the signers that were named; None when nothing was, so that the lists of the clones count."""
    if not fingerprints and not files:
        return None
    listed = [signer for file in files or [] for signer in signers_in(_read_list(file), place=str(file))]
    return [*map(named, fingerprints or []), *listed]


def _read_list(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(TRUST_FILE_MAX_BYTES + 1)
    except OSError as error:
        raise CallerError(
            f"{file} cannot be read: {error.strerror}.", field="--trust", remedy="Name a file with trusted signers."
        ) from error


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
