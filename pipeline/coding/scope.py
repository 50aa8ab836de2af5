"""Deterministic checks of a change: what it touches beyond its specs, and whether it carries secrets.

Warnings go to the security reviewer and the approver, code that looks for how it is run among them; generated trees, binaries and oversized files send the change
back; a certain secret stops it before any ref leaves the machine.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.change_request import RepositoryTarget
from pipeline.findings import Finding
from pipeline.proof import how_it_is_run
from pipeline.proof.diff_scope import DiffScope, analyse
from pipeline.proof.manifests import is_manifest
from pipeline.proof.protected_tests import is_protected
from pipeline.proof.secret_scan import scan_for_secrets
from pipeline.proof.unified_diff import added_lines
from pipeline.stage import specs
from pipeline.stage.prepared import Prepared
from pipeline.stage.repository_reading import texts_at
from pipeline.stage.run import StageRun


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeReport:
    """What the checks found."""

    scope: tuple[Finding, ...]
    secrets: tuple[Finding, ...]
    detection: tuple[Finding, ...] = ()
    """Code that looks for how it is run."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything, to be kept."""
        return (*self.scope, *self.secrets, *self.detection)

    @property
    def stops(self) -> tuple[Finding, ...]:
        """Certain secrets."""
        return tuple(finding for finding in self.secrets if finding.category == "secret" and finding.severity.blocking)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """What sends the change back: foreign trees, binaries, sizes, and files that could not be scanned."""
        return tuple(finding for finding in self.findings if finding.blocking and finding not in self.stops)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What people and the security reviewer should know."""
        return tuple(finding for finding in self.findings if not finding.blocking)


async def check(run: StageRun, name: str, base: str, head: str, prepared: Prepared) -> ScopeReport:
    """Analyse the change between two commits. `prepared` are the base's components."""
    repository = run.context.repositories[name]
    limits = run.context.settings.pipeline
    changed = await repository.changed_files(base, head)
    added = added_lines(await repository.diff(base, head))
    manifests = [file.path for file in changed if is_manifest(file.path) or file.path in prepared.manifests]
    scope = DiffScope(
        changed=changed,
        added=added,
        scenarios=(await specs.revision_of(run, name)).feature,
        base_paths=await repository.list_files(base),
        manifests_before=await _texts(run, name, base, manifests),
        manifests_after=await _texts(run, name, head, manifests),
        watched=prepared.instrument.watched,
        unread=prepared.instrument.unread,
        exposed=prepared.instrument.exposed,
        accepted=run.context.targets[name].unprotected_accepted,
        unread_accepted=_accepted(run.context.targets[name]),
    )
    secrets = scan_for_secrets(changed=changed, added=added, scanner=run.context.scanner, limits=limits)
    product = {one.path for one in added if _is_product(one.path, prepared)}
    detection = await asyncio.to_thread(how_it_is_run.look, added, await _texts(run, name, head, sorted(product)))
    return ScopeReport(scope=tuple(analyse(scope, limits)), secrets=tuple(secrets), detection=tuple(detection))


def _is_product(path: str, prepared: Prepared) -> bool:
    return how_it_is_run.is_readable(path) and not is_protected(path, prepared.test_patterns)


def _accepted(target: RepositoryTarget) -> str:
    by, why = target.unprotected_accepted_by, target.unprotected_accepted_why
    return f"{by} accepted that when the repository was registered: {why}" if by else ""


async def _texts(run: StageRun, name: str, commit: str, paths: Sequence[str]) -> Mapping[str, str]:
    repository = run.context.repositories[name]
    present = set(await repository.list_files(commit))
    return await texts_at(repository, commit, [path for path in paths if path in present])
