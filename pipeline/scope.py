"""Deterministic checks of a change: what it touches beyond its specs, and whether it carries secrets.

Warnings go to the security reviewer and the approver; generated trees, binaries and oversized files send the change
back; a secret stops it before any ref leaves the machine.
"""

from dataclasses import dataclass

from pipeline import specs
from pipeline.evidence.diff_scope import analyse
from pipeline.evidence.secret_scan import scan_diff
from pipeline.execution import StageRun
from pipeline.findings import Finding
from pipeline.proving import environment_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the checks found."""

    findings: tuple[Finding, ...]
    secrets: tuple[Finding, ...]

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """Scope findings that send the change back."""
        return tuple(finding for finding in self.findings if finding.severity.blocking and finding not in self.secrets)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Scope findings that people and the security reviewer should know."""
        return tuple(finding for finding in self.findings if not finding.severity.blocking)


async def check(run: StageRun, name: str, base: str, head: str) -> Checked:
    """Analyse the change between two commits."""
    repository = run.context.repositories[name]
    changed = await repository.changed_files(base, head)
    stack, _ = await environment_of(run, name, base)
    contents = {file.path: await repository.read_file(head, file.path) for file in changed if file.status != "D"}
    before = {file.path: await repository.read_file(base, file.old_path or file.path) for file in changed if file.status != "A"}
    found = analyse(
        changed=changed, before=before, after=contents, stack=stack,
        feature=(await specs.revision_of(run, name)).feature, limits=run.context.configuration.pipeline,
    )  # fmt: skip
    secrets = tuple(await scan_diff(scanner=run.context.scanner, before=before, after=contents))
    return Checked(findings=(*found, *secrets), secrets=secrets)


def cut(diff: str, max_bytes: int) -> str:
    """Return a diff that fits a prompt; what is cut is said."""
    encoded = diff.encode()
    if len(encoded) <= max_bytes:
        return diff
    kept = encoded[:max_bytes].decode(errors="ignore")
    return f"{kept}\n[The diff is cut here: {len(encoded) - max_bytes} of {len(encoded)} bytes are not shown. Read the files.]"
