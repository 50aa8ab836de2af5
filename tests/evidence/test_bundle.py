"""Evidence of a real change in a real repository: it verifies offline, and any changed byte or fact fails."""

import dataclasses
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.adapters.git.commit_reader import GitCommitReader
from pipeline.adapters.signing import Ed25519Verifier, FileKey, FileKeyStore
from pipeline.errors import CallerError
from pipeline.evidence.bundle import (
    ApprovalRecord,
    CommitRecord,
    CommitsRecord,
    CriterionRecord,
    RepositoryEvidence,
    RequestRecord,
    RunRecord,
    ScenarioRecord,
    Sections,
    SpecRecord,
    SubjectRecord,
    WitnessRecord,
    build_bundle,
    fingerprint,
    release_parts,
)
from pipeline.evidence.bundle_verification import VerificationResult, verify_bundle
from pipeline.evidence.canonical_json import canonical_json, content_hash
from pipeline.evidence.rules_record import RulesRecord
from pipeline.evidence.signer_trust import named
from pipeline.ports import BranchTip, CommitFacts, Language
from pipeline.proof.baseline import compare_suites
from pipeline.proof.green import judge_green, judge_preserve
from pipeline.proof.inverted import inverted_files, judge_inverted
from pipeline.proof.red_green import RedRules, confirm_red, judge_red
from pipeline.proof.reverted import judge_reverted
from pipeline.proof.symbols import read_symbols
from pipeline.proof.test_reports import Outcome
from pipeline.specs.behaviour import ScenarioKind
from tests.evidence.plain_sandbox import PYTEST, run, write_tree

BASE = {
    "shop/__init__.py": "",
    "shop/cart.py": "def price(n):\n    return n\n",
    "tests/test_old.py": "from shop.cart import price\n\ndef test_price():\n    assert price(1) == 1\n\ndef test_known():\n    assert price(2) == 3\n",
}
TESTS = {
    "tests/test_tax.py": "from shop.cart import tax\n\ndef test_tax():\n    assert tax(10) == 12\n",
    "tests/test_kept.py": "from shop.cart import price\n\ndef test_kept():\n    assert price(5) == 5\n",
}
HEAD = {"shop/cart.py": "def price(n):\n    return n\n\n\ndef tax(n):\n    return n + 2\n"}
NONCE = "0123456789abcdef0123456789abcdef"
FEATURE = """Feature: shop

  @change @S1 @AC1
  Scenario: Tax is added
    Given a price of 10
    When tax is asked for
    Then it is 12

  @preserve @S2 @AC1
  Scenario: Prices stay
    Given a price of 5
    When the price is asked for
    Then it is 5
"""


class MemoryReader:
    """Everything a `GitCommitReader` said, so that thousands of checks do not start git."""

    def __init__(self, real: GitCommitReader, shas: Sequence[str]) -> None:
        self._commits = {sha: real.commit(sha) for sha in shas}
        self._blobs = {sha: real.blobs(sha) for sha in shas}
        self._bytes = {sha: real.read(sha, list(self._blobs[sha])) for sha in shas}
        self._ancestors = {(one, two) for one in shas for two in shas if real.is_ancestor(one, two)}

    def commit(self, sha: str) -> CommitFacts | None:
        return self._commits.get(sha)

    def default_branch(self) -> BranchTip | None:
        return None

    def blobs(self, sha: str) -> Mapping[str, str]:
        return self._blobs.get(sha, {})

    def read(self, sha: str, paths: Sequence[str]) -> Mapping[str, bytes]:
        return {path: self._bytes[sha][path] for path in paths if path in self._bytes.get(sha, {})}

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        return (ancestor, descendant) in self._ancestors


@dataclasses.dataclass(frozen=True)
class Case:
    repository: Path
    sections: Sections
    key: FileKey
    data: bytes
    reader: MemoryReader

    def verify(self, data: bytes | None = None, **changes: Any) -> VerificationResult:
        asked: dict[str, Any] = {
            "open_repository": lambda _name: self.reader,
            "verifier": Ed25519Verifier(),
            "trusted": [named(fingerprint(self.key.public_key))],
            **changes,
        }
        return verify_bundle(self.data if data is None else data, **asked)

    def resigned(self, change: Callable[[dict[str, Any]], None]) -> VerificationResult:
        """Verify a bundle that a careful forger with our key changed: hashes and signature are right again."""
        content = json.loads(self.sections.model_dump_json())
        change(content)
        return self.verify(build_bundle(Sections.model_validate(content), self.key))


def git(repository: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=repository, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(repository: Path, files: Mapping[str, str], message: str) -> str:
    write_tree(repository, dict(files))
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", message)
    return git(repository, "rev-parse", "HEAD")


def record(reader: GitCommitReader, sha: str) -> CommitRecord:
    facts = reader.commit(sha)
    assert facts is not None
    return CommitRecord(sha=facts.sha, tree=facts.tree, parents=facts.parents)


async def witness(tmp_path: Path, shas: Mapping[str, str]) -> WitnessRecord:
    with_tests, with_head = {**BASE, **TESTS}, {**BASE, **TESTS, **HEAD}
    red = await run(PYTEST, tmp_path, with_tests, "tests/test_tax.py")
    preserve_base = await run(PYTEST, tmp_path, with_tests, "tests/test_kept.py")
    change = await run(PYTEST, tmp_path, with_head, "tests/test_tax.py")
    preserve = await run(PYTEST, tmp_path, with_head, "tests/test_kept.py")
    suite_base, suite_head = await run(PYTEST, tmp_path, BASE), await run(PYTEST, tmp_path, with_head)
    own = {path: text for path, text in BASE.items() if path.startswith("shop/")}
    rules = RedRules(
        language=Language.PYTHON, own_modules=("shop", "shop.cart"), base=read_symbols(Language.PYTHON, own)
    )
    scenarios = {"S1": ("tests/test_tax.py::test_tax",)}
    asked: dict[str, Any] = {"scenarios": scenarios, "sources": TESTS}
    provisional = judge_red(report=red, change_files={"tests/test_tax.py"}, rules=rules, **asked)
    final = confirm_red(
        provisional=provisional, head_report=change, head=read_symbols(Language.PYTHON, {**own, **HEAD}), **asked
    )
    suite = compare_suites(base=suite_base, head=suite_head)
    files = inverted_files({"tests/test_tax.py": TESTS["tests/test_tax.py"].encode()}, NONCE)
    planted = {path: one.text for path, one in files.items() if one is not None}
    inverted = await run(PYTEST, tmp_path, {**with_head, **planted}, "tests/test_tax.py")
    further: dict[str, Any] = {
        "inverted": judge_inverted(nonce=NONCE, files=files, report=inverted, red=final),
        "reverted": judge_reverted(report=red, red=final, same_as_red=True),
    }
    return WitnessRecord(
        rules=RulesRecord(language=Language.PYTHON, own_modules=("shop", "shop.cart")),
        change_files=("tests/test_tax.py",),
        preserve_files=("tests/test_kept.py",),
        red=RunRecord(commit=shas["tests"], report=red),
        preserve_base=RunRecord(commit=shas["tests"], report=preserve_base),
        change=RunRecord(commit=shas["head"], report=change),
        preserve=RunRecord(commit=shas["head"], report=preserve),
        suite_base=RunRecord(commit=shas["base"], report=suite_base),
        suite_head=RunRecord(commit=shas["head"], report=suite_head),
        inverted=RunRecord(commit=shas["head"], report=inverted),
        red_verdict=final,
        preserve_verdict=judge_preserve(preserve_base, ("tests/test_kept.py",)),
        suite_verdict=suite,
        green_verdict=judge_green(change=change, preserve=preserve, suite=suite, red=final, **further),
        inverted_verdict=further["inverted"],
        reverted_verdict=further["reverted"],
    )


def spec() -> SpecRecord:
    return SpecRecord(
        revision=2,
        feature=FEATURE,
        scenarios=(
            ScenarioRecord(id="S1", kind=ScenarioKind.CHANGE, title="Tax is added", criteria=("AC1",), tests=("tests/test_tax.py::test_tax",)),
            ScenarioRecord(id="S2", kind=ScenarioKind.PRESERVE, title="Prices stay", criteria=("AC1",), tests=("tests/test_kept.py::test_kept",)),
        ),
    )  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    tmp_path = tmp_path_factory.mktemp("bundle")
    repository = tmp_path / "shop"
    repository.mkdir()
    git(repository, "init", "-q", "-b", "main")
    shas = {"base": commit(repository, BASE, "base")}
    git(repository, "checkout", "-q", "-b", "changeline/cr-1")
    shas["tests"] = commit(repository, TESTS, "tests")
    shas["head"] = commit(repository, HEAD, "head")
    git(repository, "checkout", "-q", "main")
    git(repository, "merge", "-q", "--no-ff", "-m", "merge", "changeline/cr-1")
    shas["merge"] = git(repository, "rev-parse", "HEAD")
    reader = GitCommitReader(repository)
    request = RequestRecord(
        body="Add tax to prices.",
        structured={"title": "Add tax"},
        criteria=(CriterionRecord(id="AC1", text="Tax is 2."),),
    )
    evidence = RepositoryEvidence(
        name="shop",
        remote="origin",
        base_branch="main",
        branch="changeline/cr-1",
        spec=spec(),
        commits=CommitsRecord(**{role: record(reader, sha) for role, sha in shas.items()}),
        witness=await witness(tmp_path, shas),
        old_tests=(),
    )
    parts = release_parts(request, [evidence])
    subject = SubjectRecord(
        cr_id="cr-1", attempt=1, title="Add tax", source="cli", requested_by="ada", requested_at="2026-11-21T10:00:00Z",
        product_version="0.1.0", models_are_scripted=True,
    )  # fmt: skip
    approval = ApprovalRecord(
        gate="release",
        approved=True,
        actor="grace",
        at="2026-11-21T11:00:00Z",
        content_hash=content_hash(parts),
        parts=parts,
    )
    sections = Sections(subject=subject, request=request, repositories=(evidence,), approvals=(approval,))
    key = FileKeyStore(tmp_path / "keys").current()
    memory = MemoryReader(reader, list(shas.values()))
    return Case(repository=repository, sections=sections, key=key, data=build_bundle(sections, key), reader=memory)


def test_the_evidence_of_a_real_change_verifies_against_a_clone(case: Case, tmp_path: Path) -> None:
    clone = tmp_path / "clone.git"
    git(tmp_path, "clone", "-q", "--bare", str(case.repository), str(clone))
    result = case.verify(open_repository=lambda _name: GitCommitReader(clone))
    assert result.ok, result.failures
    assert result.notes == ()
    assert build_bundle(case.sections, case.key) == case.data


def test_what_judges_opened_is_signed_and_files_without_it_keep_their_bytes(case: Case) -> None:
    content = json.loads(case.data)["sections"]
    content["reviews"] = [
        {"repository": "shop", "reviewer": "checks", "verdict": "pass", "summary": "", "findings": []}
    ]
    older = build_bundle(Sections.model_validate_json(json.dumps(content)), case.key)
    assert json.loads(older)["sections"]["reviews"] == content["reviews"], "as a version without inspections wrote it"
    assert case.verify(older).ok
    seen = {"turns": 2, "files": ["shop/cart.py"], "files_opened": 1, "commands": 1, "calls": 1, "failed": 0}
    content["reviews"][0]["inspection"] = seen
    newer = build_bundle(Sections.model_validate_json(json.dumps(content)), case.key)
    assert case.verify(newer).ok
    lied = json.loads(newer)
    lied["sections"]["reviews"][0]["inspection"]["files_opened"] = 7
    assert not case.verify(canonical_json(lied) + b"\n").ok


FURTHER = ("inverted", "inverted_verdict", "reverted_verdict")


def test_evidence_from_before_failures_were_planted_keeps_its_bytes_and_says_so(case: Case) -> None:
    content = json.loads(case.data)["sections"]
    kept = {name: one for name, one in content["repositories"][0]["witness"].items() if name not in FURTHER}
    content["repositories"][0]["witness"] = kept
    sections = Sections.model_validate_json(json.dumps(content))
    parts = release_parts(sections.request, sections.repositories)
    approval = sections.approvals[0].model_copy(update={"parts": parts, "content_hash": content_hash(parts)})
    older = build_bundle(sections.model_copy(update={"approvals": (approval,)}), case.key)
    assert json.loads(older)["sections"]["repositories"][0]["witness"] == kept
    result = case.verify(older)
    assert result.ok, result.failures
    assert "no failure was planted in its tests" in result.notes[0]


def test_evidence_of_another_installation_is_refused(case: Case, tmp_path: Path) -> None:
    other = FileKeyStore(tmp_path).current()
    result = case.verify(build_bundle(case.sections, other))
    assert not result.ok
    assert "not by the expected installation" in result.failures[0]


def test_a_repository_that_is_not_there_is_a_failure_not_a_pass(case: Case, tmp_path: Path) -> None:
    assert not case.verify(open_repository=lambda _name: None).ok
    git(tmp_path, "init", "-q")
    assert not case.verify(open_repository=lambda _name: GitCommitReader(tmp_path)).ok
    with pytest.raises(CallerError, match="no git repository"):
        GitCommitReader(tmp_path / "nowhere")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_changed_byte_fails(case: Case, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(case.data) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = bytearray(case.data)
    changed[position] ^= flip
    result = case.verify(bytes(changed))
    assert not result.ok
    assert result.failures[0]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_inserted_or_removed_byte_fails(case: Case, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(case.data) - 1))
    extra = data.draw(st.sampled_from([b" ", b"\n", b"0", b""]))
    assert not case.verify(case.data[:position] + extra + case.data[position + (not extra) :]).ok


def set_report(content: dict[str, Any], which: str, outcome: Outcome) -> None:
    for one in content["repositories"][0]["witness"][which]["report"]["cases"]:
        one["outcome"] = outcome
        one["failure"] = None


def forged(change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    return lambda content: change(content, content["repositories"][0])


FORGERIES: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (forged(lambda _c, r: r["commits"]["head"].update(tree="0" * 40)), "The head commit has the tree"),
    (forged(lambda _c, r: r["commits"]["head"].update(sha="1" * 40)), "The head commit 111111111111 is not in the repository."),
    (forged(lambda _c, r: r["commits"].update(head=r["commits"]["merge"])), "which is not the commit that it must prove"),
    (forged(lambda _c, r: r["commits"].update(tests=r["commits"]["base"])), "was declared as a test file, but the tests commit does not hold it"),
    (forged(lambda _c, r: r["commits"].update(merge=r["commits"]["base"])), "The merged tree is not the tree of the head"),
    (lambda content: set_report(content, "red", Outcome.PASSED), "The red verdict does not follow"),
    (lambda content: set_report(content, "change", Outcome.FAILED), "The green verdict does not follow"),
    (lambda content: set_report(content, "preserve_base", Outcome.FAILED), "The preserve tests are not shown to pass on the base."),
    (lambda content: set_report(content, "suite_head", Outcome.SKIPPED), "The comparison of the full suites does not follow"),
    (forged(lambda _c, r: r["witness"].update(preserve=None)), "The preserve tests were not run on both base and head."),
    (forged(lambda _c, r: r["witness"].update(retired_files=["tests/test_old.py"])), "recorded as rewritten by the test writer"),
    (lambda content: set_report(content, "inverted", Outcome.PASSED), "The inverted verdict does not follow"),
    (forged(lambda _c, r: r["witness"]["inverted_verdict"].update(nonce="1" * 32)), "The inverted verdict does not follow from the recorded run."),
    (forged(lambda _c, r: r["witness"]["reverted_verdict"].update(confirmed=[])), "The reverted verdict does not follow"),
    (forged(lambda _c, r: r["witness"]["red_verdict"]["tests"][0].update(why="Trust me.")), "The red verdict does not follow"),
    (forged(lambda _c, r: r["spec"].update(feature=r["spec"]["feature"].replace("@AC1", "@AC2"))), "differs from the recorded spec"),
    (forged(lambda _c, r: r["spec"]["scenarios"][0].update(tests=["tests/test_old.py"])), "is proven by no recorded test file"),
    (lambda content: content["request"]["criteria"].append({"id": "AC9", "text": "More."}), "The criterion AC9 is covered by no scenario."),
    (lambda content: content.update(approvals=[]), "without an approval of the release gate"),
    (lambda content: content["approvals"][0].update(approved=False), "without an approval of the release gate"),
    (lambda content: content["approvals"][0].update(content_hash="sha256:0"), "does not bind to what it records"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "told"), FORGERIES, ids=[told for _, told in FORGERIES])
def test_a_forgery_that_is_signed_again_is_still_found(
    case: Case, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    result = case.resigned(change)
    assert not result.ok
    assert any(told in failure for failure in result.failures), result.failures


def test_an_approval_of_other_content_counts_only_after_the_automatic_rebase(case: Case) -> None:
    def rebased(content: dict[str, Any], *, carried: bool, spec: str | None = None) -> None:
        approval = content["approvals"][0]
        approval["parts"]["repositories"]["shop"].update(head="2" * 40, witness="3" * 64)
        if spec:
            approval["parts"]["repositories"]["shop"]["spec"] = spec
        approval["content_hash"] = content_hash(approval["parts"])
        approval["carried_over"] = carried

    assert not case.resigned(lambda content: rebased(content, carried=False)).ok
    assert case.resigned(lambda content: rebased(content, carried=True)).ok
    assert not case.resigned(lambda content: rebased(content, carried=True, spec="4" * 64)).ok
