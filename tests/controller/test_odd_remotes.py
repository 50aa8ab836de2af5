"""What is odd in a remote is named, never called an outage, never run, and never in the way of a sane branch."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.adapters.git_world import git
from tests.controller.conftest import Controller, Starter, submission
from tests.controller.fakes import ScriptedLauncher
from tests.controller.test_git_work import FILES, real_inspector

NOWHERE, NOTHING = "12" * 20, "0" * 40
Line = tuple[str, bytes | str]
"""What a line of packed-refs has: a name of `Objects`, or an id, and the full ref."""


class Objects(NamedTuple):
    """Of one repository that has something of every kind."""

    path: Path
    main: str
    blob: str
    tree: str
    tag: str


class Odd(NamedTuple):
    """A remote, and what somebody asks of it."""

    lines: list[Line]
    head: bytes = b"ref: refs/heads/main\n"
    base: str | None = None
    refused: tuple[str, str] | None = None
    """Field and words; None where it works."""
    warned: str = ""


def beside_main(*lines: Line, **more: Any) -> Odd:
    return Odd([("main", "refs/heads/main"), *lines], **more)


def only(*lines: Line, **more: Any) -> Odd:
    return Odd(list(lines), **more)


SPRUNG = "sprung"
WORKS = {
    "an option": beside_main(("main", f"refs/heads/--upload-pack=touch {SPRUNG}"), ("main", f"refs/heads/-ctouch$IFS{SPRUNG}")),
    "shell": beside_main(("main", f"refs/heads/a;touch$IFS{SPRUNG}"), ("main", f"refs/heads/$(touch$IFS{SPRUNG})")),
    "a backslash": beside_main(("main", "refs/heads/x\\y"), warned="is not what git calls a branch"),
    "a space": beside_main(("main", "refs/heads/a b")),
    "control characters": beside_main(("main", "refs/heads/a\x1b[31mb"), warned="cannot be printed"),
    "dots": beside_main(("main", "refs/heads/a..b"), ("main", "refs/heads/.a"), ("main", "refs/heads/a.lock")),
    "not UTF-8": beside_main(("main", b"refs/heads/\xe4\xff"), warned="cannot be printed"),
    "a line separator": beside_main(("main", "refs/heads/a\u2028b\u0085c"), warned="cannot be printed"),
    "a long name": beside_main(("main", "refs/heads/" + "a" * 300), warned="is too long"),
    "a deep name": beside_main(("main", "refs/heads/" + "a/" * 2000 + "b"), warned="is too long"),
    "a name below main": beside_main(("main", "refs/heads/main/sub"), warned="stands below the branch main"),
    "HEAD": beside_main(("main", "refs/heads/HEAD"), ("main", "refs/heads/@")),
    "a ref within a ref": beside_main(("blob", "refs/heads/refs/heads/main"), ("blob", "refs/heads/heads/main")),
    "a tag of the same name": beside_main(("blob", "refs/tags/main")),
    "other kinds": beside_main(("blob", "refs/heads/blob"), ("tree", "refs/heads/tree"), ("tag", "refs/heads/tag")),
    "missing objects": beside_main((NOWHERE, "refs/heads/a"), ("34" * 20, "refs/heads/b")),
    "no object": beside_main((NOTHING, "refs/heads/nothing"), warned="points to nothing"),
    "all at once": beside_main(
        (NOWHERE, "refs/heads/a"), ("main", "refs/heads/" + "b" * 300), ("main", "refs/heads/main/c"),
        (NOTHING, "refs/heads/d"), ("main", b"refs/heads/\xe4"), warned="5 branches cannot be used",
    ),
    "a detached HEAD": beside_main(head=b"{main}\n"),
    "HEAD points nowhere": beside_main(head=b"ref: refs/heads/nowhere\n"),
    "HEAD points to a tag": beside_main(head=b"ref: refs/tags/x\n"),
    "a shell's name as the base": beside_main(("main", "refs/heads/a;b"), base="a;b"),
}  # fmt: skip
REFUSED = {
    "HEAD at an option": beside_main(("main", "refs/heads/--x"), head=b"ref: refs/heads/--x\n", refused=("base_branch", "`--x` is not what git calls")),
    "HEAD at a name that is not UTF-8": beside_main(("main", b"refs/heads/\xe4"), head=b"ref: refs/heads/\xe4\n", refused=("base_branch", "cannot be printed")),
    "HEAD at a missing object": only((NOWHERE, "refs/heads/main"), refused=("remote", "points to an object that the remote does not have")),
    "a blob": only(("blob", "refs/heads/main"), refused=("base_branch", "does not point to a commit")),
    "a tree": only(("tree", "refs/heads/main"), refused=("base_branch", "does not point to a commit")),
    "an annotated tag": only(("tag", "refs/heads/main"), refused=("base_branch", "does not point to a commit")),
    "a base that is missing": beside_main((NOWHERE, "refs/heads/a"), base="a", refused=("base_branch", "points to an object that the remote does not have")),
    "a base below another": beside_main(("main", "refs/heads/main/a"), base="main/a", refused=("base_branch", "below the branch main")),
    "a base that is too long": beside_main(("main", "refs/heads/" + "a" * 245), base="a" * 245, refused=("base_branch", "too long")),
    "a base at nothing": beside_main((NOTHING, "refs/heads/a"), base="a", refused=("base_branch", "points to nothing")),
    "an option as the base": beside_main(("main", "refs/heads/--upload-pack=x"), base="--upload-pack=x", refused=("base_branch", "not what git calls a branch")),
    "an expression as the base": beside_main(base="main~1", refused=("base_branch", "not what git calls a branch")),
    "a full name as the base": beside_main(base="refs/heads/main", refused=("base_branch", "no branch 'refs/heads/main'")),
    "a base with a line separator": beside_main(base="a\u2028b", refused=("base_branch", "cannot be printed")),
    "HEAD as the base": beside_main(("main", "refs/heads/HEAD"), base="HEAD", refused=("base_branch", "not what git calls a branch")),
    "nothing but odd branches": only(("main", "refs/heads/a..b"), ("main", b"refs/heads/\xe4"), refused=("remote", "2 branches of the repository cannot be used")),
    "no branch at all": only(("main", "refs/tags/x"), refused=("remote", "no commits on any branch")),
}  # fmt: skip


SHORT = ("an option", "control characters", "a name below main", "all at once", "a detached HEAD")
SHORT_REFUSED = ("HEAD at an option", "a blob", "a base that is missing", "nothing but odd branches")


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    desk = tmp_path_factory.mktemp("desk")
    git(desk, "init", "-q", "-b", "main", "w")
    for name, text in FILES.items():
        (desk / "w" / name).parent.mkdir(exist_ok=True)
        (desk / "w" / name).write_text(text)
    git(desk / "w", "add", "-A")
    git(desk / "w", "commit", "-q", "-m", "one")
    git(desk / "w", "tag", "-a", "-m", "annotated", "annotated")
    git(desk, "clone", "-q", "--bare", "w", "all.git")
    names = ("HEAD", "HEAD:calc.py", "HEAD^{tree}", "annotated")
    return Objects(desk / "all.git", *(git(desk / "w", "rev-parse", name) for name in names))


@pytest.fixture
def real(start: Starter, tmp_path: Path) -> Iterator[Controller]:
    inspector = real_inspector(tmp_path / "cache")
    with start.running(launcher=ScriptedLauncher(ready=False), inspector=inspector) as running:
        yield running


@pytest.fixture
def remote_of(objects: Objects, tmp_path: Path) -> Callable[[str, Odd], str]:
    """Make a remote whose refs nobody checked."""

    def make(name: str, odd: Odd) -> str:
        path = tmp_path / f"{name.replace(' ', '-')}.git"
        shutil.copytree(objects.path, path)
        shutil.rmtree(path / "refs" / "tags")
        lines = [
            getattr(objects, value, value).encode() + b" " + (ref if isinstance(ref, bytes) else ref.encode())
            for value, ref in odd.lines
        ]
        (path / "packed-refs").write_bytes(b"\n".join([b"# pack-refs with: peeled fully-peeled ", *lines, b""]))
        (path / "HEAD").write_bytes(odd.head.replace(b"{main}", objects.main.encode()))
        return str(path)

    return make


def said(answer: Any) -> tuple[int, str, str]:
    problem = answer.json()
    return answer.status_code, problem.get("field", ""), problem.get("detail", "")


@pytest.mark.parametrize(
    "names",
    [pytest.param(SHORT, id="short"), pytest.param(tuple(WORKS), id="all", marks=pytest.mark.thorough)],
)
def test_an_odd_branch_is_not_in_the_way_of_a_sane_one(
    real: Controller, objects: Objects, remote_of: Callable[[str, Odd], str], tmp_path: Path, names: tuple[str, ...]
) -> None:
    client, wrong = real.client(), {}
    for number, name in enumerate(names):
        odd = WORKS[name]
        remote = remote_of(name, odd)
        wanted = {"name": f"odd-{number}", "remote": remote} | ({"base_branch": odd.base} if odd.base else {})
        registered = client.post("/api/v1/repositories", json=wanted)
        checked = client.post(f"/api/v1/repositories/odd-{number}/check")
        submitted = client.post("/api/v1/change-requests", json=submission(repositories=[wanted]))
        if [one.status_code for one in (registered, checked, submitted)] != [201, 200, 202]:
            wrong[name] = [one.text for one in (registered, checked, submitted)]
        elif checked.json()["base_commit"] != objects.main or odd.warned not in str(checked.json()["warnings"]):
            wrong[name] = [checked.text]
    assert wrong == {}
    assert not list(tmp_path.glob(f"**/{SPRUNG}*"))


@pytest.mark.parametrize(
    "names",
    [pytest.param(SHORT_REFUSED, id="short"), pytest.param(tuple(REFUSED), id="all", marks=pytest.mark.thorough)],
)
def test_what_cannot_work_is_refused_in_words_about_it(
    real: Controller, remote_of: Callable[[str, Odd], str], names: tuple[str, ...]
) -> None:
    client, wrong = real.client(), {}
    for name in names:
        odd = REFUSED[name]
        wanted = {"remote": remote_of(name, odd)} | ({"base_branch": odd.base} if odd.base else {})
        for address, body in (
            ("/api/v1/repositories", wanted),
            ("/api/v1/change-requests", submission(repositories=[wanted])),
        ):
            status, field, detail = said(client.post(address, json=body))
            assert odd.refused is not None
            wrong_field = odd.refused[0].replace("remote", "repositories.0" if "change" in address else "remote")
            if status != 422 or not field.endswith(wrong_field) or odd.refused[1] not in detail:
                wrong[name, address] = (status, field, detail)
    assert wrong == {}
    assert real.count("repositories", "change_requests") == [0, 0]


def test_a_registered_base_branch_that_became_odd_is_named(
    real: Controller, objects: Objects, remote_of: Callable[[str, Odd], str]
) -> None:
    remote = Path(remote_of("turned", beside_main(("main", "refs/heads/work"))))
    registered = {"name": "turned", "remote": str(remote), "base_branch": "work"}
    assert real.client().post("/api/v1/repositories", json=registered).status_code == 201
    for value, words in (
        (NOWHERE, "points to an object that the remote does not have"),
        (NOTHING, "points to nothing"),
        (objects.blob, "does not"),
    ):
        (remote / "packed-refs").write_text(f"{objects.main} refs/heads/main\n{value} refs/heads/work\n")
        for address, body in (
            ("/api/v1/repositories/turned/check", None),
            ("/api/v1/change-requests", submission(repositories=["turned"])),
        ):
            status, field, detail = said(real.client().post(address, json=body))
            assert (status, words in detail, "work" in detail) == (422, True, True), (value, field, detail)


def test_many_branches_are_no_reason_to_refuse(
    real: Controller, objects: Objects, remote_of: Callable[[str, Odd], str]
) -> None:
    odd = [(f"{number:040x}", f"refs/heads/odd/{number:05}") for number in range(1, 4)]
    lines: list[Line] = [("main", f"refs/heads/many/{number:05}") for number in range(2_000)]
    remote = remote_of("many", beside_main(*lines, *odd))
    answer = real.client().post("/api/v1/repositories", json={"remote": remote})
    assert (answer.status_code, answer.json()["base_commit"]) == (201, objects.main)


def test_branches_that_are_left_out_are_counted(real: Controller, remote_of: Callable[[str, Odd], str]) -> None:
    lines: list[Line] = [(f"{number:040x}", f"refs/heads/odd/{number:05}") for number in range(1, 1_200)]
    answer = real.client().post("/api/v1/repositories", json={"remote": remote_of("odd", beside_main(*lines))})
    assert answer.status_code == 201
    (warning,) = answer.json()["warnings"]
    assert warning.startswith("1,199 branches cannot be used and are left out: `odd/00001` points to an object that")
