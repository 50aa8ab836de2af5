"""Whose signature counts: only one that the verifier was told to trust, never one that the bundle speaks for itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.local.data_directory import DataDirectory
from pipeline.adapters.git.commit_reader import GitCommitReader
from pipeline.adapters.signing import FileKeyStore
from pipeline.evidence.bundle import Sections, build_bundle, fingerprint, hash_chain
from pipeline.evidence.canonical_json import canonical_json
from tests.cli.conftest import Ran, Verb, verb
from tests.evidence.test_bundle import Case, case, commit, git

__all__ = ["case", "verb"]
"""Fixtures that the tests here use too."""

LIST = ".changeline/trusted-signers"


def forged_by(case: Case, keys: Path, change: Callable[[dict[str, Any]], None] = lambda _content: None) -> bytes:
    """Return the bundle as somebody else would hand it over: changed, and signed again with a key of their own."""
    content = json.loads(case.sections.model_dump_json())
    change(content)
    return build_bundle(Sections.model_validate(content), FileKeyStore(keys).current())


def rename_approver(content: dict[str, Any]) -> None:
    content["approvals"][0]["actor"] = "mallory"


def remove_merge(content: dict[str, Any]) -> None:
    content["repositories"][0]["commits"]["merge"] = None


class Desk:
    """Where somebody checks evidence: a clone of theirs, and the file that they were handed."""

    def __init__(self, case: Case, place: Path, verb: Verb) -> None:
        self.case, self.place, self._verb = case, place, verb
        self.clone = place / "clone"
        git(place, "clone", "-q", str(case.repository), str(self.clone))
        self.file = place / "evidence.json"
        self.file.write_bytes(case.data)

    def verify(self, *arguments: str) -> Ran:
        return self._verb("evidence", "verify", str(self.file), "--repo", str(self.clone), *arguments)

    @property
    def signer(self) -> str:
        return fingerprint(self.case.key.public_key)


@pytest.fixture
def desk(case: Case, tmp_path: Path, verb: Verb) -> Desk:
    return Desk(case, tmp_path, verb)


@pytest.mark.parametrize("change", [rename_approver, remove_merge])
def test_a_bundle_that_anybody_signed_again_is_no_success(
    desk: Desk, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    desk.file.write_bytes(forged_by(desk.case, tmp_path / "mallory", change))
    told = desk.verify()
    assert told.code == 3, told.out
    assert "Internally consistent; signer unknown" in told.out
    assert fingerprint(FileKeyStore(tmp_path / "mallory").current().public_key) in told.out
    assert desk.verify("--fingerprint", desk.signer).code == 1
    told = desk.verify("--json")
    assert (told.code, told.value["ok"], told.value["verdict"]) == (3, False, "signer_unknown")


def test_the_own_evidence_of_an_installation_is_trusted_only_when_it_is_named(desk: Desk, tmp_path: Path) -> None:
    assert desk.verify().code == 3
    told = desk.verify("--fingerprint", desk.signer, "--json")
    assert (told.code, told.value["verdict"]) == (0, "holds")
    assert told.value["signer"] == {
        "fingerprint": desk.signer, "standing": "trusted", "trusted_by": "fingerprint", "name": "", "place": "--fingerprint",
    }  # fmt: skip
    other = fingerprint(FileKeyStore(tmp_path / "other").current().public_key)
    assert desk.verify("--fingerprint", other, "--fingerprint", desk.signer).code == 0
    told = desk.verify("--fingerprint", other, "--json")
    assert (told.code, told.value["verdict"], told.value["signer"]["standing"]) == (1, "does_not_hold", "contradicted")
    assert any("not by" in failure for failure in told.value["failures"])
    assert desk.verify("--fingerprint", "SHA256:short").code == 2


def test_a_trust_file_names_fingerprints_and_keys(desk: Desk, tmp_path: Path) -> None:
    trust = tmp_path / "trusted"
    key = json.loads(desk.case.data)["signature"]["public_key"]
    for line in (desk.signer, f"{desk.signer} the shop's own  # since 2026", key, f"{key}\tthe shop's own"):
        trust.write_text(f"# who may sign\n\n{line}\n")
        told = desk.verify("--trust", str(trust), "--json")
        assert (told.code, told.value["signer"]["trusted_by"]) == (0, "trust_file"), line
        assert told.value["signer"]["name"] == ("the shop's own" if "own" in line else "")
    trust.write_text("# nobody\n")
    assert desk.verify("--trust", str(trust)).code == 3
    other = fingerprint(FileKeyStore(tmp_path / "other").current().public_key)
    trust.write_text(f"{desk.signer}\n")
    assert desk.verify("--trust", str(trust), "--fingerprint", other).code == 0, "both were told by who verifies"
    for line in ("SHA256:abc", "ssh-ed25519 AAAA", f"{key[:-4]}", "\udcff"):
        trust.write_bytes(f"{desk.signer}\n{line}\n".encode(errors="surrogateescape"))
        told = desk.verify("--trust", str(trust))
        assert told.code == 2, line
        assert "line 2" in told.err
    assert desk.verify("--trust", str(tmp_path / "nowhere")).code == 2


def test_the_list_counts_on_the_default_branch_of_the_clone_and_nowhere_else(desk: Desk, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    git(tmp_path, "clone", "-q", "--bare", str(desk.case.repository), str(origin))
    git(desk.clone, "remote", "set-url", "origin", str(origin))
    git(desk.clone, "checkout", "-q", "-b", "feature")
    commit(desk.clone, {LIST: desk.signer}, "somebody's own list")
    git(desk.clone, "push", "-q", "origin", "feature")
    assert desk.verify().code == 3, "a branch that is checked out, and pushed, is nobody's word"
    git(desk.clone, "push", "-q", "origin", "feature:main")
    git(desk.clone, "fetch", "-q")
    told = desk.verify("--json")
    assert (told.code, told.value["signer"]["trusted_by"]) == (0, "repository")
    assert "origin/main" in told.value["signer"]["place"]
    other = fingerprint(FileKeyStore(tmp_path / "other").current().public_key)
    assert desk.verify("--fingerprint", other).code == 1, "who names a key means that key"
    commit(desk.clone, {LIST: other}, "the key was given up")
    git(desk.clone, "push", "-q", "origin", "feature:main")
    assert desk.verify().code == 3
    git(desk.clone, "remote", "set-head", "origin", "--delete")
    git(desk.clone, "branch", "-q", "-f", "main", "HEAD~")
    assert desk.verify().code == 3, "a clone that does not know what the remote's default branch is"


def test_a_list_is_read_from_a_repository_without_remotes_at_its_head(desk: Desk, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(desk.clone), str(bare))
    assert GitCommitReader(bare).default_branch().name == "main"  # type: ignore[union-attr]  # it has one
    git(desk.clone, "checkout", "-q", "--detach")
    git(desk.clone, "remote", "remove", "origin")
    assert GitCommitReader(desk.clone).default_branch() is None


def test_of_several_repositories_each_must_name_the_signer(desk: Desk) -> None:
    content = json.loads(desk.case.sections.model_dump_json())
    content["repositories"].append({**content["repositories"][0], "name": "second"})
    for repository in content["repositories"]:
        repository["commits"]["merge"] = None
    desk.file.write_bytes(build_bundle(Sections.model_validate(content), desk.case.key))
    (desk.place / "two").mkdir()
    second = desk.place / "two" / "clone"
    git(desk.place, "clone", "-q", str(desk.case.repository), str(second))
    git(second, "remote", "remove", "origin")
    repos = ("--repo", f"second={second}")
    commit(second, {LIST: desk.signer}, "list")
    assert desk.verify(*repos).code == 3, "whoever owns one repository does not speak for the other"
    git(desk.clone, "remote", "remove", "origin")
    commit(desk.clone, {LIST: desk.signer}, "list")
    assert desk.verify(*repos).code == 0


def test_after_a_rotation_old_and_new_evidence_verify_by_what_the_installation_lists(
    desk: Desk, tmp_path: Path, verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, trust = DataDirectory.at(tmp_path / "data"), tmp_path / "trusted"
    monkeypatch.setenv("CHANGELINE_DATA_DIR", str(data.path))
    assert verb("evidence", "signer").code == 2, "there is no installation"
    data.prepare()
    former = verb("evidence", "signer").out.strip()
    older = build_bundle(desk.case.sections, FileKeyStore(data.keys).current())
    rotated = verb("evidence", "rotate", "--json").value
    newer = build_bundle(desk.case.sections, FileKeyStore(data.keys).current())
    assert rotated == {"former": former, "current": verb("evidence", "signer").out.strip()}
    assert [key["current"] for key in verb("evidence", "signer", "--json").value["items"]] == [True, False]
    trust.write_text(verb("evidence", "signer", "--all").out)
    for bundle, signer in ((older, former), (newer, rotated["current"])):
        desk.file.write_bytes(bundle)
        assert json.loads(bundle)["signature"]["fingerprint"] == signer, "each bundle names its key"
        assert desk.verify("--trust", str(trust)).code == 0
        assert desk.verify("--fingerprint", signer).code == 0
        other = ({*rotated.values()} - {signer}).pop()
        assert desk.verify("--fingerprint", other).code == 1


def test_who_approved_and_what_was_merged_is_signed(desk: Desk) -> None:
    def edited(change: Callable[[dict[str, Any]], None], *, chained: bool) -> bytes:
        bundle = json.loads(desk.case.data)
        change(bundle["sections"])
        if chained:
            bundle["chain"] = [link.model_dump() for link in hash_chain(bundle["sections"])]
        return canonical_json(bundle) + b"\n"

    def drop_approvals(content: dict[str, Any]) -> None:
        content["approvals"] = []

    for change in (rename_approver, remove_merge, drop_approvals):
        desk.file.write_bytes(edited(change, chained=False))
        assert "was changed" in desk.verify("--fingerprint", desk.signer).out
        desk.file.write_bytes(edited(change, chained=True))
        told = desk.verify("--fingerprint", desk.signer)
        assert (told.code, "The signature does not fit the content." in told.out) == (1, True)
        assert desk.verify().code == 1
