"""What every implementation of the `Repository` port keeps. The class that tests one gives it the two fixtures.

`origin` starts with a branch `main` that holds `a.txt` and `run.sh` (executable); `base` is that commit.
"""

from pathlib import Path

import pytest

from pipeline.errors import Conflict, ModelError, TransientError
from pipeline.ports import Repository
from tests.adapters.git_world import ADA, NOON, Origin, content, git, write

TEN = b"".join(b"%d\n" % number for number in range(10))


def changed(line: int, text: bytes) -> bytes:
    lines = TEN.splitlines(keepends=True)
    lines[line] = text + b"\n"
    return b"".join(lines)


class RepositoryContract:
    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        return tmp_path / "trees" / "cr-1"

    # the remote

    async def test_fetching_shows_branches_as_of_the_fetch(
        self, repository: Repository, origin: Origin, base: str
    ) -> None:
        assert await repository.branch_head("main") == base
        newer = origin.commit({"b.txt": b"b"})
        assert await repository.branch_head("main") == base
        assert await repository.remote_ref("refs/heads/main") == newer
        await repository.fetch()
        await repository.fetch()
        assert await repository.branch_head("main") == newer
        assert await repository.branch_head("nothing") is None
        assert await repository.remote_ref("refs/heads/nothing") is None

    async def test_a_remote_that_is_away_is_worth_another_try(
        self, repository: Repository, origin: Origin, base: str
    ) -> None:
        origin.go_away()
        for attempt in (
            repository.fetch(),
            repository.remote_ref("refs/heads/main"),
            repository.push(commit=base, ref="refs/heads/x", expected=None),
        ):
            with pytest.raises(TransientError):
                await attempt

    async def test_a_push_moves_a_ref_only_from_the_expected_commit(
        self, repository: Repository, origin: Origin, base: str
    ) -> None:
        ours = await repository.commit_files(parent=base, files={"a.txt": b"ours"}, message="ours", author=ADA)
        await repository.push(commit=base, ref="refs/heads/cr", expected=None)
        await repository.push(commit=ours, ref="refs/heads/cr", expected=base)
        await repository.push(commit=ours, ref="refs/heads/cr", expected=base)
        assert origin.head("refs/heads/cr") == ours

        theirs = origin.commit({"c.txt": b"theirs"}, branch="cr")
        next_one = await repository.commit_files(parent=ours, files={"a.txt": b"again"}, message="again", author=ADA)
        with pytest.raises(Conflict):
            await repository.push(commit=next_one, ref="refs/heads/cr", expected=ours)
        with pytest.raises(Conflict):
            await repository.push(commit=next_one, ref="refs/heads/cr", expected=None)
        with pytest.raises(Conflict):
            await repository.push(commit=None, ref="refs/heads/cr", expected=ours)
        assert origin.head("refs/heads/cr") == theirs

    async def test_a_push_can_replace_history_and_delete_what_was_expected(
        self, repository: Repository, origin: Origin, base: str
    ) -> None:
        one = await repository.commit_files(parent=base, files={"a.txt": b"1"}, message="one", author=ADA)
        other = await repository.commit_files(parent=base, files={"a.txt": b"2"}, message="other", author=ADA)
        ref = "refs/changeline/wip/cr-1/sample/1"
        await repository.push(commit=one, ref=ref, expected=None)
        await repository.push(commit=other, ref=ref, expected=one)
        assert origin.head(ref) == other
        await repository.push(commit=None, ref=ref, expected=other)
        await repository.push(commit=None, ref=ref, expected=other)
        assert origin.head(ref) is None

    # reading and building

    async def test_built_commits_read_back(self, repository: Repository, base: str) -> None:
        head = await repository.commit_files(
            parent=base,
            files={"run.sh": b"#!/bin/sh\nexit 1\n", "dir/new.bin": b"\0\xff", "a.txt": None},
            message="Change it\n\nChange-Request: CR-1",
            author=ADA,
        )
        assert await repository.has_commit(head)
        assert not await repository.has_commit("0" * 40)
        assert await repository.list_files(head) == ["dir/new.bin", "run.sh"]
        assert await repository.read_file(head, "dir/new.bin") == b"\0\xff"
        assert await repository.read_file(head, "a.txt") is None
        assert await repository.read_file(head, "dir") is None
        assert await repository.log(base, head) == [(head, "Change it")]
        assert (await repository.message(head)).strip() == "Change it\n\nChange-Request: CR-1"
        assert await repository.is_ancestor(base, head)
        assert not await repository.is_ancestor(head, base)
        assert await repository.merge_base(base, head) == base
        files = {file.path: file for file in await repository.changed_files(base, head)}
        assert {path: file.status for path, file in files.items()} == {"a.txt": "D", "dir/new.bin": "A", "run.sh": "M"}
        assert files["dir/new.bin"].binary
        assert files["run.sh"].mode == "100755"
        assert (files["run.sh"].added, files["run.sh"].removed) == (1, 0)

    async def test_renames_and_diffs_are_told_apart(self, repository: Repository, base: str) -> None:
        head = await repository.commit_files(
            parent=base, files={"a.txt": None, "moved to.txt": changed(0, b"zero")}, message="move", author=ADA
        )
        (file,) = await repository.changed_files(base, head)
        assert (file.path, file.old_path, file.status) == ("moved to.txt", "a.txt", "R")
        assert (file.added, file.removed) == (1, 1)
        assert "+zero\n" in await repository.diff(base, head)
        assert await repository.diff(base, head, paths=["run.sh"]) == ""

    async def test_the_same_inputs_give_the_same_commit(self, repository: Repository, base: str) -> None:
        head = await repository.commit_files(parent=base, files={"a.txt": b"x"}, message="x", author=ADA)
        built = [
            await repository.commit_tree_of(head, parents=[base, head], message="merge", author=ADA, when=NOON)
            for _ in range(2)
        ]
        other = await repository.commit_tree_of(head, parents=[base], message="merge", author=ADA, when=NOON)
        assert built[0] == built[1] != other
        assert await repository.changed_files(head, built[0]) == []
        again = await repository.commit_files(parent=base, files={"a.txt": b"x"}, message="x", author=ADA)
        assert again == head

    # trees

    async def test_a_snapshot_saves_all_that_is_not_ignored(
        self, repository: Repository, base: str, tree: Path
    ) -> None:
        await repository.add_worktree(tree, base)
        assert content(tree) == {"a.txt": TEN, "run.sh": b"#!/bin/sh\n"}
        assert await repository.snapshot(tree, parent=base, message="nothing") == base
        write(tree, {
            ".gitignore": b"*.log\nbuild/\n", "noise.log": b"n", "build/out": b"o", "new file.txt": b"n",
            "sub/\xc3\xa9.bin".encode("latin-1").decode(): bytes(range(256)), "-dash": b"d", "quo'te\"s": b"q",
            "run.sh": b"#!/bin/sh\nexit 0\n",
        })  # fmt: skip
        (tree / "link").symlink_to("run.sh")
        (tree / "tool").write_bytes(b"t")
        (tree / "tool").chmod(0o755)
        (tree / "a.txt").unlink()
        head = await repository.snapshot(tree, parent=base, message="all")
        assert {file.path: (file.status, file.mode) for file in await repository.changed_files(base, head)} == {
            ".gitignore": ("A", "100644"), "new file.txt": ("A", "100644"), "sub/é.bin": ("A", "100644"),
            "-dash": ("A", "100644"), "quo'te\"s": ("A", "100644"), "link": ("A", "120000"),
            "tool": ("A", "100755"), "run.sh": ("M", "100755"), "a.txt": ("D", "100644"),
        }  # fmt: skip
        assert await repository.read_file(head, "sub/é.bin") == bytes(range(256))
        assert await repository.read_file(head, "-dash") == b"d"
        assert await repository.read_file(head, "link") is None
        assert await repository.log(base, head) == [(head, "all")]
        assert await repository.snapshot(tree, parent=head, message="nothing") == head
        assert await repository.snapshot(tree, parent=base, message="all") == head

    @pytest.mark.parametrize("number", [3, 2500])
    async def test_many_files_are_read_at_once(
        self, repository: Repository, base: str, tree: Path, number: int
    ) -> None:
        await repository.add_worktree(tree, base)
        contents = {f'many/{one} é"x.bin': b"\n\0\xff blob 7\n" * (one % 7) for one in range(number)}
        write(tree, {**contents, "sub/x": b"x"})
        (tree / "link").symlink_to("sub/x")
        head = await repository.snapshot(tree, parent=base, message="many")
        wanted = [*contents, "sub/x", "sub", "link", "gone", "a\nb"]
        assert await repository.read_files(head, wanted) == {**contents, "sub/x": b"x"}
        assert await repository.read_files(head, []) == {}

    async def test_restoring_undoes_everything_but_ignored_files(
        self, repository: Repository, base: str, tree: Path
    ) -> None:
        await repository.add_worktree(tree, base)
        write(tree, {".gitignore": b"*.log\n", "a.txt": b"kept"})
        head = await repository.snapshot(tree, parent=base, message="kept")
        write(tree, {"a.txt": b"lost", "run.sh": None, "lost/deep/file": b"l", "seen.log": b"s"})
        (tree / ".gitignore").write_bytes(b"")
        await repository.restore_worktree(tree, head)
        kept = {".gitignore": b"*.log\n", "a.txt": b"kept", "run.sh": b"#!/bin/sh\n", "seen.log": b"s"}
        assert content(tree) == kept
        assert not (tree / "lost").exists()
        assert await repository.snapshot(tree, parent=head, message="nothing") == head

    async def test_files_that_nobody_touched_are_not_converted_anew(
        self, repository: Repository, origin: Origin, tree: Path
    ) -> None:
        # Committed before the rules were: git would convert them at the first look.
        origin.commit({"dos.txt": b"1\r\n", "mine.txt": b"1\r\n", "id.md": b"$Id: 1 $\n", "win.bat": b"a\r\nb\n"})
        base = origin.commit_raw(".gitattributes", b"* text\n*.md ident\n*.bat eol=crlf\n")
        await repository.fetch()
        await repository.add_worktree(tree, base)
        for file in tree.rglob("*.*"):
            if file.is_file() and ".git" not in file.parts:
                file.write_bytes(file.read_bytes())
        assert await repository.snapshot(tree, parent=base, message="nothing") == base
        write(tree, {"mine.txt": b"2\r\n", "new.txt": b"n\r\n"})
        head = await repository.snapshot(tree, parent=base, message="mine")
        assert {file.path for file in await repository.changed_files(base, head)} == {"mine.txt", "new.txt"}
        assert await repository.read_file(head, "new.txt") == b"n\n"

    async def test_an_ignored_file_counts_where_such_files_are_and_is_told_elsewhere(
        self, repository: Repository, origin: Origin, tree: Path
    ) -> None:
        base = origin.commit({".gitignore": b"lib/\n*.log\n", "lib/one/a.py": b"a", "logs/kept.log": b"k"})
        await repository.fetch()
        await repository.add_worktree(tree, base)
        write(tree, {"lib/two/b.py": b"b", "lib/two/b.pyc": b"c", "logs/new.log": b"n", "x.log": b"x", "y.log": b"y"})
        assert await repository.snapshot(tree, parent=base, message="x") == base
        with pytest.raises(ModelError, match=r"Git ignores these files.* Found: x\.log$"):
            await repository.snapshot(
                tree, parent=base, message="x", declared=["lib/two/b.py", "x.log"], edited=["y.log"]
            )
        head = await repository.snapshot(
            tree, parent=base, message="x", declared=["lib/two/b.py", "logs/new.log", "gone.log"], edited=["y.log"]
        )
        assert {file.path for file in await repository.changed_files(base, head)} == {"lib/two/b.py", "logs/new.log"}
        write(tree, {"lib/two/b.py": b"changed"})
        again = await repository.snapshot(tree, parent=head, message="x")
        assert await repository.read_file(again, "lib/two/b.py") == b"changed"

    async def test_a_part_of_a_commit_is_taken_without_the_rest(
        self, repository: Repository, base: str, tree: Path
    ) -> None:
        await repository.add_worktree(tree, base)
        write(tree, {"a.txt": b"mine", "run.sh": None, "run.sh.d/x": b"x", "left/out": b"o", "tool": b"t"})
        (tree / "tool").chmod(0o755)
        head = await repository.snapshot(tree, parent=base, message="all")
        part = await repository.commit_part(head, parent=base, paths={"run.sh", "run.sh.d/x", "tool"}, message="part")
        assert {file.path: (file.status, file.mode) for file in await repository.changed_files(base, part)} == {
            "run.sh": ("D", "100755"), "run.sh.d/x": ("A", "100644"), "tool": ("A", "100755"),
        }  # fmt: skip
        assert (await repository.commit_facts(part)).parents == (base,)
        again = await repository.commit_part(head, parent=base, paths={"tool", "run.sh", "run.sh.d/x"}, message="part")
        assert again == part
        assert await repository.commit_part(head, parent=base, paths={"other"}, message="none") == base

    async def test_files_are_checked_out_as_a_clone_does(
        self, repository: Repository, origin: Origin, tree: Path, tmp_path: Path
    ) -> None:
        rules = b"*.bat text eol=crlf\n*.u16 text working-tree-encoding=UTF-16LE\n*.id ident\n*.auto text=auto\n*.raw -text\n"
        files = {
            "a.bat": b"a\n",
            "b.u16": "b\n".encode("utf-16-le"),
            "c.id": b"$Id$\n",
            "d.auto": b"d\n",
            "e.raw": b"e\r\n",
        }
        for name, content_of in {
            **files,
            "kept.crlf": b"k\r\n",
            ".gitignore": b"ignored/\n",
            "ignored/forced": b"f",
        }.items():
            origin.commit_raw(name, content_of)
        base = origin.commit_raw(".gitattributes", rules)
        await repository.fetch()
        await repository.checkout(tree, base)
        git(tmp_path, "clone", "-q", "-b", "main", str(origin.path), "clone")
        assert content(tree) == content(tmp_path / "clone")
        assert content(tree)["a.bat"] == b"a\r\n" and b"$Id: " in content(tree)["c.id"]
        assert git(tree, "status", "--porcelain") == git(tmp_path / "clone", "status", "--porcelain")

    async def test_a_nested_repository_is_left_out_and_refused_to_whoever_hands_it_in(
        self, repository: Repository, base: str, tree: Path
    ) -> None:
        await repository.add_worktree(tree, base)
        write(tree, {"vendor/lib/.git/HEAD": b"ref: refs/heads/main\n", "vendor/lib/x": b"x"})
        assert await repository.snapshot(tree, parent=base, message="a tool left it") == base
        with pytest.raises(ModelError, match=r"vendor/lib/\.git"):
            await repository.snapshot(tree, parent=base, message="x", declared=["vendor/lib/x"])
        await repository.restore_worktree(tree, base)
        assert not (tree / "vendor").exists()

    async def test_a_clean_checkout_answers_as_a_clone_does(
        self, repository: Repository, origin: Origin, base: str, tree: Path
    ) -> None:
        git(origin.desk, "tag", "-a", "-m", "one", "v1.0", base)
        git(origin.desk, "push", "-q", str(origin.path), "v1.0")
        newer = origin.commit({"b.txt": b"b"})
        git(origin.path, "tag", "v1.1-light", newer)
        await repository.fetch()
        head = await repository.commit_files(parent=newer, files={"b.txt": b"c"}, message="ours", author=ADA)
        for commit, described in ((newer, f"v1.0-1-g{newer[:7]}"), (head, f"v1.0-2-g{head[:7]}")):
            await repository.checkout(tree, commit)
            assert git(tree, "ls-files").splitlines() == ["a.txt", "b.txt", "run.sh"]
            assert git(tree, "status", "--porcelain") == ""
            assert git(tree, "log", "-1", "--format=%H") == commit
            assert git(tree, "describe", "--abbrev=7") == described
            assert git(tree, "describe", "--tags", "--abbrev=0") == "v1.1-light"
            assert git(tree, "rev-parse", "HEAD~1") and git(tree, "fsck", "--full") == ""
            write(tree, {"b.txt": b"d", "x": b"x"})
            assert git(tree, "status", "--porcelain") == " M b.txt\n?? x"
            await repository.remove_worktree(tree)

    async def test_a_clean_checkout_holds_the_files_of_its_commit(
        self, repository: Repository, base: str, tree: Path
    ) -> None:
        await repository.checkout(tree, base)
        assert sorted(path.name for path in tree.iterdir()) == [".git", "a.txt", "run.sh"]
        assert (tree / "run.sh").stat().st_mode & 0o111
        await repository.remove_worktree(tree)
        await repository.remove_worktree(tree)
        assert not tree.exists()

    # rebase

    async def test_a_rebase_without_conflicts_keeps_authors_and_messages(
        self, repository: Repository, origin: Origin, base: str, tree: Path
    ) -> None:
        one = await repository.commit_files(
            parent=base, files={"a.txt": changed(8, b"eight")}, message="one", author=ADA
        )
        two = await repository.commit_files(parent=one, files={"new": b"n"}, message="two\n\nwhy", author=ADA)
        onto = origin.commit({"a.txt": changed(1, b"first")})
        await repository.fetch()
        await repository.add_worktree(tree, two)
        result = await repository.rebase(commits_from=base, head=two, onto=onto, worktree=tree, author=ADA)
        assert result.head is not None
        assert [subject for _, subject in await repository.log(onto, result.head)] == ["two", "one"]
        merged = await repository.read_file(result.head, "a.txt")
        assert merged == changed(8, b"eight").replace(b"1\n", b"first\n", 1)
        assert (tree / "a.txt").read_bytes() == merged
        assert await repository.snapshot(tree, parent=result.head, message="x") == result.head
        again = await repository.rebase(
            commits_from=base, head=two, onto=onto, worktree=tree.with_name("other"), author=ADA
        )
        assert again == result

    async def test_a_conflict_shows_both_sides_and_goes_on_when_resolved(
        self, repository: Repository, origin: Origin, base: str, tree: Path
    ) -> None:
        one = await repository.commit_files(parent=base, files={"a.txt": changed(5, b"ours")}, message="1", author=ADA)
        two = await repository.commit_files(
            parent=one, files={"a.txt": changed(5, b"ours twice")}, message="2", author=ADA
        )
        onto = origin.commit({"a.txt": changed(5, b"theirs"), "other": b"o"})
        await repository.fetch()
        await repository.add_worktree(tree, two)
        stopped = await repository.rebase(commits_from=base, head=two, onto=onto, worktree=tree, author=ADA)
        assert (stopped.head, stopped.conflicts) == (None, ("a.txt",))
        shown = (tree / "a.txt").read_bytes()
        assert b"theirs\n" in shown
        assert b"ours\n" in shown
        assert b"<<<<<<< " in shown
        assert (tree / "other").read_bytes() == b"o"
        with pytest.raises(ModelError, match=r"a\.txt"):
            await repository.continue_rebase(worktree=tree, author=ADA)

        (tree / "a.txt").write_bytes(changed(5, b"both"))
        assert await repository.rebase(commits_from=base, head=two, onto=onto, worktree=tree, author=ADA) == stopped
        stopped_again = await repository.continue_rebase(worktree=tree, author=ADA)
        assert stopped_again.conflicts == ("a.txt",)
        (tree / "a.txt").write_bytes(changed(5, b"both twice"))
        done = await repository.continue_rebase(worktree=tree, author=ADA)
        assert done.head is not None
        assert await repository.continue_rebase(worktree=tree, author=ADA) == done
        assert await repository.is_ancestor(onto, done.head)
        assert [subject for _, subject in await repository.log(onto, done.head)] == ["2", "1"]
        assert await repository.read_file(done.head, "a.txt") == changed(5, b"both twice")

    async def test_a_change_that_the_base_has_already_disappears(
        self, repository: Repository, origin: Origin, base: str, tree: Path
    ) -> None:
        ours = await repository.commit_files(parent=base, files={"a.txt": changed(5, b"x")}, message="1", author=ADA)
        onto = origin.commit({"a.txt": changed(5, b"x")})
        await repository.fetch()
        result = await repository.rebase(commits_from=base, head=ours, onto=onto, worktree=tree, author=ADA)
        assert result.head == onto
