"""What must never be committed: paths of somebody's machine, addresses of registries, files nobody can review."""

import re

from tests.architecture.source_tree import ROOT, text_of, tracked_files

REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.(npmjs|yarnpkg)\.(org|com)|proxy\.golang\.org|crates\.io|repo1?\.maven|deb\.debian\.org",
)
MAY_NAME_REGISTRIES = {
    "pipeline/settings/process.py": "the setting that lists what an environment build may reach",
    "tests/architecture/test_tracked_files.py": "this test",
}
MACHINE_PATHS = re.compile(r"(?<![\w.}])/(work|root|home/[a-z]\w*)/\w")
BINARY = (".png", ".woff2", ".ico")
SIZE_MAX_BYTES = 1_000_000


def _texts() -> list[str]:
    return [path for path in tracked_files() if not path.endswith(BINARY)]


def test_no_file_names_a_registry() -> None:
    assert [path for path in _texts() if path not in MAY_NAME_REGISTRIES and REGISTRIES.search(text_of(path))] == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    found = {path: match.group() for path in _texts() if (match := MACHINE_PATHS.search(text_of(path)))}
    assert found == {}


def test_everything_is_small_enough_to_review() -> None:
    assert [path for path in tracked_files() if (ROOT / path).stat().st_size > SIZE_MAX_BYTES] == []


def test_nothing_generated_is_tracked() -> None:
    generated = ("controller/_dashboard/", "node_modules/", ".cache/", "dist/", "__pycache__/")
    assert [path for path in tracked_files() if any(part in f"/{path}" for part in (f"/{g}" for g in generated))] == []
