"""What a check says of a repository as a whole: what its trees lack, and what its remote may refuse at the end."""

from pathlib import Path

import pytest

from pipeline.ports import Author
from pipeline.survey.record import Remark, RemarkKind
from pipeline.survey.remarks import remarks_on
from tests.adapters.git_world import Origin, git, make_origin, repository_of
from tests.git_server import git_server

ADA = Author(name="Ada", email="ada@example.invalid")
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4" * 64 + b"\nsize 12\n"


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    made = make_origin(tmp_path / "origin")
    made.commit({"app.py": b"1"})
    return made


def publish(origin: Origin, message: str) -> None:
    git(origin.desk, "commit", "-q", "--allow-empty", "-m", message)
    git(origin.desk, "push", "-q", str(origin.path), "HEAD:refs/heads/main")


async def remarks(origin: Origin, tmp_path: Path, author: Author = ADA) -> dict[RemarkKind, Remark]:
    repository = await repository_of(origin.path, tmp_path / "cache")
    await repository.fetch()
    base = origin.head("refs/heads/main")
    assert base is not None
    files = await repository.list_files(base)
    return {one.kind: one for one in await remarks_on(repository, base, files, author)}


@pytest.mark.parametrize(
    ("offered", "said"), [("true", "`git blame` does not"), ("false", "does not offer partial clone")]
)
async def test_a_long_history_is_told(origin: Origin, tmp_path: Path, offered: str, said: str) -> None:
    git(origin.path, "config", "uploadpack.allowFilter", offered)
    with git_server(origin.path.parent) as served:
        address = f"http://127.0.0.1:{served.port}/origin.git"
        repository = await repository_of(address, tmp_path / "cache", whole_history_max_bytes=1)
        await repository.fetch()
        found = await remarks_on(repository, str(await repository.branch_head("main")), ["app.py"], ADA)
    (told,) = [one for one in found if one.kind is RemarkKind.HISTORY]
    assert said in told.message and told.remedy


async def test_a_remote_that_takes_no_push_is_told(origin: Origin, tmp_path: Path) -> None:
    hook = origin.path / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    assert "hooks (update)" in (await remarks(origin, tmp_path))[RemarkKind.NO_PUSH].message


@pytest.mark.parametrize("place", ["~nobody-at-all/hooks", "/proc/self/mem", "x" * 5_000, "/nonexistent", ""])
async def test_an_odd_place_for_hooks_is_no_guard_and_no_error(origin: Origin, tmp_path: Path, place: str) -> None:
    repository = await repository_of(origin.path, tmp_path / "cache")
    with (origin.path / "config").open("a") as configuration:
        configuration.write(f'[core]\n\thooksPath = "{place}"\n')
    assert await repository.push_refusal() is None


async def test_what_trees_lack_is_named_with_the_reason_and_what_helps(origin: Origin, tmp_path: Path) -> None:
    origin.commit({".gitattributes": b"*.bin filter=lfs -text\n", "data/a.bin": POINTER})
    git(origin.desk, "config", "--file", ".gitmodules", "submodule.lib.path", "vendor/lib")
    git(origin.desk, "config", "--file", ".gitmodules", "submodule.lib.url", "/somewhere/else/lib.git")
    git(origin.desk, "add", ".gitmodules")
    git(origin.desk, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    publish(origin, "submodule")
    found = await remarks(origin, tmp_path)
    assert set(found) == {RemarkKind.SUBMODULES, RemarkKind.LARGE_FILES}
    submodules, large = found[RemarkKind.SUBMODULES], found[RemarkKind.LARGE_FILES]
    assert "`vendor/lib`" in submodules.message and "CHANGELINE_GIT__LOCAL_PATHS" in submodules.message
    assert "`data/a.bin`" in large.message and large.remedy


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        (".github/dco.yml", b"require:\n  members: false\n", RemarkKind.SIGN_OFF),
        ("CONTRIBUTING.md", b"Use `git commit -s`.\n", RemarkKind.SIGN_OFF),
        ("commitlint.config.mjs", b"export default {}\n", RemarkKind.COMMIT_NAMES),
        (".commitlintrc.yaml", b"rules: {}\n", RemarkKind.COMMIT_NAMES),
        ("docs/CONTRIBUTING.md", b"We use Conventional Commits.\n", RemarkKind.COMMIT_NAMES),
    ],
)
async def test_a_rule_for_commits_is_found_in_the_file_that_states_it(
    origin: Origin, tmp_path: Path, path: str, text: bytes, kind: RemarkKind
) -> None:
    origin.commit({path: text})
    found = await remarks(origin, tmp_path)
    assert set(found) == {kind} and found[kind].message.startswith(path) and found[kind].remedy


async def test_a_rule_that_no_file_states_shows_in_the_latest_commits(origin: Origin, tmp_path: Path) -> None:
    for number in range(6):
        publish(origin, f"fix(api): no {number}\n\nSigned-off-by: B <b@c.d>")
    found = await remarks(origin, tmp_path)
    assert set(found) == {RemarkKind.SIGN_OFF, RemarkKind.COMMIT_NAMES}
    assert "latest commits" in found[RemarkKind.SIGN_OFF].message
    assert "CHANGELINE_GIT__SIGN_OFF=true" in found[RemarkKind.SIGN_OFF].remedy
    signing = Author(name="Ada", email="ada@example.invalid", signs_off=True)
    assert (await remarks(origin, tmp_path, signing))[RemarkKind.SIGN_OFF].remedy == ""
