"""What an agent's tree holds before anybody works in it: said by who wrote it, else looked at."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.adapters.git.repository import GitRepository
from pipeline.agents.crew import TreeMemory
from pipeline.agents.fences import VerifiedSpec
from pipeline.agents.job import Job
from pipeline.agents.prompt_variables import TestWriterVariables
from pipeline.change_request import Stage
from tests.adapters.git_world import make_origin, repository_of, write


async def none_lost(_repository: str, _commits: Sequence[str]) -> list[str]:
    return []


def memory(repository: GitRepository, tree: Path, commit: str, *, restore: bool) -> TreeMemory:
    variables = TestWriterVariables(
        repository="sums", spec=VerifiedSpec("sums", "Feature: sums"), test_command="pytest"
    )
    job = Job(
        variables=variables, stage=Stage.DEVELOPMENT, activation="a" * 32, instance="sums/1", repository="sums",
        tree=tree, commit=commit, restore=restore,
    )  # fmt: skip
    return TreeMemory(repository, job, "refs/changeline/wip/cr-1/sums/1", none_lost)


async def test_a_tree_that_was_just_written_is_its_commit_and_one_that_was_left_as_it_is_is_looked_at(
    tmp_path: Path,
) -> None:
    origin = make_origin(tmp_path / "origin")
    base = origin.commit({"a.py": b"A = 1\n"})
    repository = await repository_of(origin.path, tmp_path / "cache")
    await repository.fetch()
    tree = tmp_path / "tree"
    await repository.add_worktree(tree, base)
    written = memory(repository, tree, base, restore=True)
    assert await written.found() == base
    write(tree, {"a.py": b"A = 2\n"})
    conflict = await memory(repository, tree, base, restore=False).found()
    assert await repository.read_file(conflict, "a.py") == b"A = 2\n"
    assert await written.snapshot() == conflict
