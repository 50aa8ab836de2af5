"""Which Node repositories ask for, and when this machine's is told to be another."""

import json

import pytest

from pipeline.adapters.environments.interpreters import wanted_python
from pipeline.adapters.environments.node_versions import as_version, node_wishes

HERE = (20, 20, 2)


def wishes(files: dict[str, str], folder: str = ".") -> list[tuple[str, str, bool, bool]]:
    found = node_wishes(lambda path: files[path].encode() if path in files else None, folder)
    return [(one.text, one.place, one.allows(HERE), one.is_newer_than(HERE)) for one in found]


def engines(text: object) -> dict[str, str]:
    return {"package.json": json.dumps({"engines": {"node": text}})}


@pytest.mark.parametrize(
    ("text", "allowed", "newer"),
    [
        (">=18", True, False), (">= 18.0.0", True, False), (">=22", False, True), ("^18 || >=20", True, False),
        ("^20.9", True, False), ("~20.9", False, False), ("20", True, False), ("20.x", True, False), ("18.x", False, False),
        ("<20", False, False), ("<=20", True, False), ("18 - 22", True, False), ("*", True, False), ("", True, False),
        (">20", False, True), ("^22.1.0 || ^24", False, True), (">=0.10.0", True, False), ("=20.20.2", True, False),
        ("^18.18.0 || ^20.9.0 || >=21.1.0", True, False), (">=14 <21", True, False), ("v20.20.2", True, False),
    ],
)  # fmt: skip
def test_ranges_of_npm_are_understood(text: str, allowed: bool, newer: bool) -> None:
    assert [one[2:] for one in wishes(engines(text))] == [(allowed, newer)]


@pytest.mark.parametrize("text", ["latest", ">=x.y", "workspace:*", 20, None, ["node >= 0.2.0"], "1 - 2 - 3"])
def test_what_is_not_understood_asks_for_nothing(text: object) -> None:
    assert wishes(engines(text)) == []
    assert wishes({"package.json": '{"engines": ["node >= 0.2.0"], "volta": []}'}) == []


def test_version_managers_files_count_in_the_folder_and_above_it() -> None:
    files = {
        ".nvmrc": "lts/jod\n", "web/.node-version": "v20.11.1\n", ".tool-versions": "python 3.12.1\nnodejs 18.2.0 system\n",
        "web/mise.toml": '[tools]\nnode = "22"\n', "web/package.json": '{"volta": {"node": "20.1.0"}}',
    }  # fmt: skip
    assert wishes(files, "web") == [
        ("20.1.0", "volta in package.json", True, False), ("v20.11.1", ".node-version", True, False),
        ("22", "mise.toml", False, True), ("lts/jod", ".nvmrc", False, True), ("18.2.0", ".tool-versions", False, False),
    ]  # fmt: skip
    assert wishes({".nvmrc": "node\n"}) == wishes({".nvmrc": "lts/*"}) == []
    assert as_version("v20.20.2\n") == HERE


def test_a_version_manager_pins_the_series_of_python_where_no_python_version_does() -> None:
    files = {".tool-versions": b"nodejs 20\npython 3.12.4 3.11.1\n", "api/mise.toml": b'[tools]\npython = ["3.13.1"]\n'}
    assert wanted_python(files.get, (), top="api").pinned == ("3.13",)
    wanted = wanted_python(files.get, ())
    assert (wanted.pinned, wanted.said) == (("3.12",), "3.12 (.tool-versions)")
    assert wanted_python({**files, ".python-version": b"3.11"}.get, ()).pinned == ("3.11",)
