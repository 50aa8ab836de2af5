"""What git said of objects is remembered: a second time it is not asked, and what can change is asked anew."""

from pathlib import Path

from pipeline.adapters.git.answers import ANSWER_MAX_BYTES, KEPT_MAX_BYTES, Answers
from tests.adapters.git_world import ADA, git, make_origin, repository_of


async def test_what_a_commit_holds_is_asked_once_and_whether_it_is_there_each_time(tmp_path: Path) -> None:
    origin = make_origin(tmp_path / "origin")
    base = origin.commit({"a.txt": b"one\n", "inner/b.txt": b"two\n"})
    repository = await repository_of(origin.path, tmp_path / "cache")
    await repository.fetch()
    head = await repository.commit_files(parent=base, files={"a.txt": b"three\n"}, message="x", author=ADA)

    async def told() -> list[object]:
        return [
            await repository.list_files(head), await repository.read_file(head, "a.txt"),
            await repository.read_file(head, "inner"), await repository.diff(base, head),
            await repository.changed_files(base, head), await repository.message(head),
            await repository.commit_facts(head), await repository.committed_at(head),
        ]  # fmt: skip

    before = await told()
    assert before[:3] == [["a.txt", "inner/b.txt"], b"three\n", None]
    (cache,) = (tmp_path / "cache").glob("*.git")
    (cache / "objects").rename(cache / "away")
    (cache / "objects").mkdir()
    assert await told() == before
    assert not await repository.has_commit(head)


def test_the_longest_unused_answers_go_first_and_giants_are_not_kept() -> None:
    answers, size = Answers(), ANSWER_MAX_BYTES
    answers.keep(("giant",), bytes(size + 1))
    assert answers.to(("giant",)) is None
    fits = KEPT_MAX_BYTES // size
    answers.keep(("used",), bytes(size))
    for number in range(fits):
        answers.keep((str(number),), bytes(size))
        assert answers.to(("used",)) is not None
    assert answers.to(("0",)) is None and answers.to((str(fits - 1),)) is not None


async def test_messages_in_any_encoding_are_read_as_texts_that_can_be_kept_and_sent(tmp_path: Path) -> None:
    origin = make_origin(tmp_path / "origin")
    base = origin.commit({"a": b"1"})
    for said in (b"caf\xe9 \xff", "\u202e😀".encode(), b"x\x1b[31m"):
        (tmp_path / "message").write_bytes(said + b"\n\nbody \xe9\n")
        git(origin.desk, "commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", str(tmp_path / "message"))
    git(origin.desk, "push", "-q", str(origin.path), "HEAD:refs/heads/main")
    repository = await repository_of(origin.path, tmp_path / "cache")
    await repository.fetch()
    head = origin.head("refs/heads/main")
    assert head is not None
    logged = await repository.log(base, head)
    texts = [subject for _, subject in logged] + await repository.messages(head, limit=9)
    texts += [await repository.message(commit) for commit, _ in logged]
    assert all(text.encode().decode() == text for text in texts)
    assert {text.partition(" ")[0] for text in texts} >= {"café", "x\x1b[31m"}, "git reads other encodings where it can"
