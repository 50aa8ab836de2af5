"""No secret reaches a commit: every added line is scanned before anything is pushed.

Problem: a scanner that is given a cut diff, or that fails, finds nothing. Choice: two sets of patterns (detect-secrets
behind a port, and our own for provider keys) over all added lines; what could not be scanned (binary, too large, missing
from the diff) is itself a blocking finding. Invariant: no finding holds the secret.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline.findings import Finding, FindingSource, Severity
from pipeline.limits import Limits
from pipeline.ports import ChangedFile, SecretHit, SecretScanner
from pipeline.proof.secret_shapes import provider_hits
from pipeline.proof.unified_diff import AddedLine

_PIECE_CHARS = 4_000
_OVERLAP_CHARS = 400
"""Long lines are scanned in overlapping pieces, so that patterns stay fast and no key is cut in two."""


def scan_for_secrets(
    *, changed: Sequence[ChangedFile], added: Sequence[AddedLine], scanner: SecretScanner, limits: Limits
) -> list[Finding]:
    """Scan the whole diff between base and head. Critical findings are certain; minor ones are suspicions.

    Raises `PersonNeeded(secret_found)` when the scanner itself fails.
    """
    findings = _unscannable(changed, added, limits)
    refused = {finding.file for finding in findings}
    lines: dict[str, list[tuple[int, str]]] = {}
    for line in added:
        if line.path not in refused:
            lines.setdefault(line.path, []).extend((line.line, piece) for piece in _pieces(line.text))
    for path, numbered in lines.items():
        hits = [hit for number, text in numbered for hit in provider_hits(number, text)]
        findings.extend(_findings(path, [*hits, *scanner.scan(path, numbered)]))
    return findings


def secrets_in_text(text: str) -> list[SecretHit]:
    """Find provider keys in free text, such as a request or a commit message; line numbers count from 1."""
    return [
        hit
        for number, line in enumerate(text.splitlines(), 1)
        for piece in _pieces(line)
        for hit in provider_hits(number, piece)
    ]


def _unscannable(changed: Sequence[ChangedFile], added: Sequence[AddedLine], limits: Limits) -> list[Finding]:
    counted = Counter(line.path for line in added)
    sizes: Counter[str] = Counter()
    for line in added:
        sizes[line.path] += len(line.text.encode()) + 1
    findings = []
    for file in changed:
        if file.status == "D":
            continue
        if file.binary:
            findings.append(_refusal(file.path, "it is binary"))
        elif file.added != counted[file.path]:
            findings.append(
                _refusal(file.path, f"only {counted[file.path]} of its {file.added} added lines were given")
            )
        elif sizes[file.path] > limits.added_file_max_bytes:
            findings.append(_refusal(file.path, f"it adds more than {limits.added_file_max_bytes} bytes"))
    return findings


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, max(len(text), 1), _PIECE_CHARS):
        yield text[start : start + _PIECE_CHARS + _OVERLAP_CHARS]


def _findings(path: str, hits: Sequence[SecretHit]) -> Iterator[Finding]:
    """One finding per line, the most certain kind first, since several detectors see the same secret."""
    by_line: dict[int, SecretHit] = {}
    for hit in hits:
        known = by_line.get(hit.line)
        if known is None or (hit.certain and not known.certain):
            by_line[hit.line] = hit
    for number, hit in sorted(by_line.items()):
        yield Finding(
            source=FindingSource.SECRET_SCAN,
            severity=Severity.CRITICAL if hit.certain else Severity.MINOR,
            category="secret" if hit.certain else "possible_secret",
            message=f"{path}:{number} holds what looks like a secret: {hit.kind}, {hit.masked}.",
            file=path,
            line=number,
            remedy="Remove it and read it from the environment instead; if it is real, revoke it.",
        )


def _refusal(path: str, why: str) -> Finding:
    return Finding(
        source=FindingSource.SECRET_SCAN,
        severity=Severity.MAJOR,
        category="not_scanned",
        message=f"{path} could not be scanned for secrets: {why}.",
        file=path,
    )
