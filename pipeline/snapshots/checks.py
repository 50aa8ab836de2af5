"""Whether one commit of a snapshot may leave the machine: no secret, nothing ignored, nothing too large.

Problem: a snapshot is whatever an agent left in its tree, and a push cannot be taken back. Choice: each commit is judged
by what it adds to its parent, by the same scan that judges deliveries; what cannot be scanned does not leave. Invariant:
the reason names a place and a kind, never the text that was found.
"""

from collections.abc import Sequence

from pipeline.findings import Finding, Severity
from pipeline.limits import Limits
from pipeline.ports import Repository, SecretScanner
from pipeline.proof.secret_scan import scan_for_secrets, secrets_in_text
from pipeline.proof.unified_diff import added_lines

_SHOWN_MAX = 3


async def refusal(
    repository: Repository, commit: str, *, rules: str | None, scanner: SecretScanner, limits: Limits
) -> str | None:
    """Return why `commit` stays here, or None when it may leave. `rules` names the commit whose ignore rules hold.

    Raises `PersonNeeded(secret_found)` when the scanner itself fails, which is no permission either.
    """
    sizes = await repository.added_sizes(commit)
    large = [path for path, size in sizes.items() if size > limits.snapshot_file_max_bytes]
    if large:
        return f"{_listed(large)}: larger than {limits.snapshot_file_max_bytes:,} bytes"
    if sum(sizes.values()) > limits.snapshot_total_max_bytes:
        return f"it adds more than {limits.snapshot_total_max_bytes:,} bytes"
    if rules is not None and (ignored := await repository.ignored_paths(rules, list(sizes))):
        return f"{_listed(ignored)}: ignored by the repository's own rules"
    if secrets_in_text(await repository.message(commit)):
        return "its message holds what looks like a secret"
    return await _secrets(repository, commit, scanner=scanner, limits=limits)


async def _secrets(repository: Repository, commit: str, *, scanner: SecretScanner, limits: Limits) -> str | None:
    parents = (await repository.commit_facts(commit)).parents
    if not parents:
        return "it has no parent to compare it with"
    within = limits.model_copy(update={"added_file_max_bytes": limits.snapshot_file_max_bytes})
    findings = scan_for_secrets(
        changed=await repository.changed_files(parents[0], commit),
        added=added_lines(await repository.diff(parents[0], commit)),
        scanner=scanner,
        limits=within,
    )
    stops = [one for one in findings if one.severity in {Severity.CRITICAL, Severity.MAJOR}]
    return _listed([_place(one) for one in stops]) if stops else None


def _place(finding: Finding) -> str:
    if finding.category == "secret":
        return f"{finding.file}:{finding.line} holds what looks like a secret"
    return f"{finding.file} could not be scanned for secrets"


def _listed(places: Sequence[str]) -> str:
    more = f" and {len(places) - _SHOWN_MAX} more" if len(places) > _SHOWN_MAX else ""
    return ", ".join(places[:_SHOWN_MAX]) + more
