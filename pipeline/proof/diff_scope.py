"""What a diff reaches, judged without any model: layer four of the injection defence.

Problem: a change can reach further than its spec says: into delivery, dependencies, new endpoints, or a million
generated lines. Choice: fixed rules over paths and added lines. Trees that never belong in a commit, binaries and sheer
size block; everything else is a warning for reviewers and approvers, because only they know what was meant.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from pipeline.findings import Finding, FindingSource, Severity
from pipeline.limits import Limits
from pipeline.ports import ChangedFile
from pipeline.proof.manifests import added_dependencies, is_manifest
from pipeline.proof.path_globs import matches_any
from pipeline.proof.unified_diff import AddedLine

DIFF_LINES_MAX = 20_000
"""Added lines over all files; more is no change that a person could approve."""
FOREIGN_TREES = (
    "**/node_modules/**", "**/.venv/**", "**/venv/**", "**/env/bin/**", "**/site-packages/**", "**/__pycache__/**", "*.pyc",
    "**/.tox/**", "**/.nox/**", "**/.mypy_cache/**", "**/.pytest_cache/**", "**/.ruff_cache/**", "**/.gradle/**",
    "**/target/debug/**", "**/target/release/**", "**/target/classes/**", "**/target/surefire-reports/**", "*.egg-info/**",
    "**/.eggs/**", "**/coverage/lcov-report/**", ".coverage", "**/.next/**", "**/.idea/**", "**/.DS_Store", "pyvenv.cfg",
    "**/.git/**",
)  # fmt: skip
GENERATED_TREES = ("**/vendor/**", "**/third_party/**", "**/dist/**", "**/build/**", "*.min.js", "*.min.css", "*.map")
"""Block only where the base has none of them: some repositories do commit these."""
INFRASTRUCTURE = (
    "Dockerfile*", "*.dockerfile", "docker-compose*", "compose.yaml", "compose.yml", ".github/**", ".gitlab-ci*",
    ".circleci/**", "azure-pipelines*", "bitbucket-pipelines*", ".travis.yml", "Jenkinsfile*", "Makefile", "*.tf",
    "*.tfvars", ".env*", "k8s/**", "**/kubernetes/**", "helm/**", "charts/**", "deploy/**", "ansible/**", "Procfile",
    "build.rs", "nginx.conf", "*.service", ".npmrc", ".pypirc", "pip.conf", ".ci/**", ".gitmodules", ".gitattributes", "CODEOWNERS",
)  # fmt: skip
_ENDPOINTS = (
    re.compile(r"@\w+(?:\.\w+)*\.(?:route|get|post|put|patch|delete|websocket|api_route)\(\s*(?P<path>[rbf]?['\"][^'\"]*['\"])"),
    re.compile(r"\b(?:app|router|server|api)\.(?:get|post|put|patch|delete|all|use|route)\(\s*(?P<path>['\"`][^'\"`]*['\"`])"),
    re.compile(r"\b(?:re_path|path|url)\(\s*(?P<path>r?['\"][^'\"]*['\"])\s*,"),
    re.compile(r"\bHandle(?:Func)?\(\s*(?P<path>\"[^\"]*\")"),
    re.compile(r"@(?:Get|Post|Put|Patch|Delete|Request)Mapping\(\s*(?:(?:value|path)\s*=\s*)?(?P<path>\"[^\"]*\")"),
    re.compile(r"\.route\(\s*(?P<path>\"[^\"]*\")\s*,"),
)  # fmt: skip
_LISTENERS = re.compile(
    r"\.listen\(\s*(?:\d|port|PORT|process\.env)|ListenAndServe|net\.Listen\(|\.bind\(\s*\(|socketserver\.|HTTPServer\(|"
    r"uvicorn\.run\(|app\.run\(|TcpListener::bind|ServerSocket\(|start_server\(|create_server\("
)

_NOT_ACCEPTED = "Nobody accepted that: the base branch has changed since the repository was registered, or an older version took it."


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffScope:
    """What the analyser looks at: base to head, and what the spec speaks of."""

    changed: Sequence[ChangedFile]
    added: Sequence[AddedLine]
    scenarios: str
    """The text of all scenarios of this repository."""
    base_paths: Collection[str] = ()
    manifests_before: Mapping[str, str] = field(default_factory=dict)
    """Texts of the changed manifests at the base (absent: new)."""
    manifests_after: Mapping[str, str] = field(default_factory=dict)
    watched: Collection[str] = ()
    """What the test command runs and a change may be about (`Instrument.watched`)."""
    unread: Collection[str] = ()
    """What could not be followed of the test command, a sentence each."""
    exposed: Collection[str] = ()
    """Of these, what stands in no script that is protected."""
    accepted: Collection[str] = ()
    """Of these, what somebody accepted."""
    unread_accepted: str = ""
    """Who took that, and why, as a sentence; empty where nobody did."""


def analyse(scope: DiffScope, limits: Limits) -> list[Finding]:
    """Return blocking findings first, then warnings, in a fixed order."""
    findings = [
        *_foreign_trees(scope),
        *_binaries(scope),
        *_sizes(scope, limits),
        *_infrastructure(scope),
        *_instrument(scope),
        *_dependencies(scope),
        *_endpoints(scope),
    ]
    return sorted(findings, key=lambda finding: not finding.severity.blocking)


def _foreign_trees(scope: DiffScope) -> list[Finding]:
    found: dict[str, int] = {}
    example: dict[str, str] = {}
    for file in scope.changed:
        if file.status == "D":
            continue
        for pattern in (*FOREIGN_TREES, *GENERATED_TREES):
            if matches_any(file.path, (pattern,)) and not _customary(pattern, scope.base_paths):
                found[pattern] = found.get(pattern, 0) + 1
                example.setdefault(pattern, file.path)
                break
    return [
        _finding(
            Severity.MAJOR,
            "foreign_tree",
            f"{count} files match {pattern}, such as {example[pattern]}; generated and vendored files do not belong in the change.",
            file=example[pattern],
            remedy="Remove them from the change, or add them to .gitignore.",
        )
        for pattern, count in found.items()
    ]


def _customary(pattern: str, base_paths: Collection[str]) -> bool:
    return pattern in GENERATED_TREES and any(matches_any(path, (pattern,)) for path in base_paths)


def _binaries(scope: DiffScope) -> list[Finding]:
    return [
        _finding(Severity.MAJOR, "binary", f"{file.path} is binary, so nobody can review it.", file=file.path)
        for file in scope.changed
        if file.binary and file.status != "D"
    ]


def _sizes(scope: DiffScope, limits: Limits) -> list[Finding]:
    sizes: dict[str, int] = {}
    for line in scope.added:
        sizes[line.path] = sizes.get(line.path, 0) + len(line.text.encode()) + 1
    findings = [
        _finding(
            Severity.MAJOR,
            "file_size",
            f"{path} adds {size} bytes; {limits.added_file_max_bytes} are allowed.",
            file=path,
        )
        for path, size in sizes.items()
        if size > limits.added_file_max_bytes
    ]
    lines = sum(file.added for file in scope.changed)
    if lines > DIFF_LINES_MAX:
        message = f"The change adds {lines} lines; {DIFF_LINES_MAX} are allowed."
        findings.append(_finding(Severity.MAJOR, "diff_size", message))
    return findings


def _infrastructure(scope: DiffScope) -> list[Finding]:
    return [
        _finding(
            Severity.MINOR,
            "infrastructure",
            f"{file.path} decides how this repository is built or run.",
            file=file.path,
        )
        for file in scope.changed
        if matches_any(file.path, INFRASTRUCTURE)
    ]


def _instrument(scope: DiffScope) -> list[Finding]:
    touched = sorted({file.path for file in scope.changed if file.path in scope.watched})
    told = [
        _finding(
            Severity.MINOR, "test_instrument", f"{path} is run by the test command itself, and this change touches it.", file=path,
            remedy="See in its diff that the tests still decide the result.",
        )
        for path in touched
    ]  # fmt: skip
    unprotected = [
        _finding(
            Severity.MINOR, "test_instrument", f"Part of the test command cannot be followed, so it is not protected: {sentence} {_stands(scope, sentence)}",
            remedy="State what it runs as protected in .changeline/repository.yaml, or a test command that runs the tests itself.",
        )
        for sentence in scope.unread
    ]  # fmt: skip
    return told + unprotected


def _stands(scope: DiffScope, sentence: str) -> str:
    if sentence not in scope.exposed:
        return "It stands in a script that is itself protected."
    return scope.unread_accepted if sentence in scope.accepted else _NOT_ACCEPTED


def _dependencies(scope: DiffScope) -> list[Finding]:
    findings = []
    for path in sorted({file.path for file in scope.changed if is_manifest(file.path)}):
        after = scope.manifests_after.get(path)
        names = added_dependencies(path, scope.manifests_before.get(path, ""), after or "")
        for name in names:
            used = any(_mentions(line, name) for line in scope.added if line.path != path)
            note = "" if used else " No added line uses it."
            findings.append(
                _finding(Severity.MINOR, "dependency", f"{path} adds the dependency {name}.{note}", file=path)
            )
        if not names:
            findings.append(
                _finding(Severity.MINOR, "manifest", f"{path} changed; no dependency was added.", file=path)
            )
    return findings


def _mentions(line: AddedLine, name: str) -> bool:
    words = {name, name.replace("-", "_"), PurePosixPath(name).name, name.rpartition(":")[2]}
    return any(word and word.lower() in line.text.lower() for word in words)


def _endpoints(scope: DiffScope) -> list[Finding]:
    findings = []
    for line in scope.added:
        for shape in _ENDPOINTS:
            route = shape.search(line.text)
            if route:
                path = route.group("path").lstrip("rbf").strip("'\"`")
                if not _in_scenarios(path, scope.scenarios):
                    message = f"The endpoint {path!r} is in no scenario."
                    findings.append(_finding(Severity.MINOR, "endpoint", message, file=line.path, line=line.line))
                break
        if _LISTENERS.search(line.text):
            message = "This line opens a listener; no scenario can show who may reach it."
            findings.append(_finding(Severity.MINOR, "listener", message, file=line.path, line=line.line))
    return findings


def _in_scenarios(path: str, scenarios: str) -> bool:
    """A path counts as named when its fixed parts stand in a scenario, with or without parameters."""
    fixed = [part for part in path.split("/") if part and not re.match(r"[<{:*^$(]", part)]
    if not fixed:
        return path in scenarios if path else False
    return all(part.lower() in scenarios.lower() for part in fixed)


def _finding(
    severity: Severity,
    category: str,
    message: str,
    *,
    file: str | None = None,
    line: int | None = None,
    remedy: str | None = None,
) -> Finding:
    return Finding(
        source=FindingSource.DIFF_SCOPE,
        severity=severity,
        category=category,
        message=message,
        file=file,
        line=line,
        remedy=remedy,
    )
