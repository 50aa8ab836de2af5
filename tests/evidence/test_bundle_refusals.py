"""Evidence that does not hold is refused with a sentence, and what could never hold cannot be built."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.git.commit_reader import GitCommitReader
from pipeline.adapters.signing import FileKeyStore
from pipeline.errors import CallerError
from pipeline.evidence.bundle import (
    Sections,
    build_bundle,
)
from pipeline.evidence.canonical_json import canonical_json
from tests.evidence.test_bundle import HEAD, Case, case, commit, git, record

__all__ = ["case"]


def test_a_head_whose_protected_tests_differ_is_found(case: Case, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(case.repository), str(clone))
    git(clone, "checkout", "-q", "-b", "weak", case.sections.repositories[0].commits.tests.sha)
    head = commit(clone, {**HEAD, "tests/test_tax.py": "def test_tax():\n    assert True\n"}, "weakened")
    reader = GitCommitReader(clone)

    def weaken(content: dict[str, Any]) -> None:
        commits = content["repositories"][0]["commits"]
        commits["head"] = json.loads(record(reader, head).model_dump_json())
        commits["merge"] = None

    content = json.loads(case.sections.model_dump_json())
    weaken(content)
    result = case.verify(build_bundle(Sections.model_validate(content), case.key), open_repository=lambda _name: reader)
    assert "tests/test_tax.py differs between the tests commit and the head." in result.failures


def test_garbage_and_other_json_are_refused_with_a_sentence(case: Case) -> None:
    for data in (
        b"",
        b"{}",
        b"[]\n",
        b"{}\n",
        b"\xff",
        b"[" * 100_000,
        canonical_json({"format": "other"}) + b"\n",
        b'{"a":1.5}\n',
    ):
        result = case.verify(data)
        assert not result.ok
        assert result.failures[0].startswith("The file")


def test_a_section_with_a_float_cannot_be_built(case: Case) -> None:
    request = case.sections.request.model_copy(update={"structured": {"cost": 0.1}})
    with pytest.raises(ValueError, match="no floats"):
        build_bundle(case.sections.model_copy(update={"request": request}), case.key)


def test_the_key_is_private_made_once_and_refused_when_others_may_read_it(tmp_path: Path) -> None:
    first = FileKeyStore(tmp_path / "keys").current()
    (file,) = (tmp_path / "keys").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert FileKeyStore(tmp_path / "keys").current().public_key == first.public_key
    file.chmod(0o644)
    with pytest.raises(CallerError, match="may be read by others"):
        FileKeyStore(tmp_path / "keys").current()
