"""Every hostile repository at every door of the API that takes a path, as whoever runs the suite."""

import os
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.hostile.canaries import Canaries
from tests.hostile.conftest import STRANGER, Door
from tests.hostile.ground import SECRET, Ground, Honest, give_away, ref_of
from tests.hostile.traps import TRAPS, Becomes, Trap


def _at_the_doors() -> Iterator[Any]:
    """Every trap in a repository of whoever runs the suite; one of each sort also in another user's, and more thoroughly."""
    for trap in TRAPS:
        yield pytest.param(trap, None, id=trap.name)
        if trap.foreign and os.geteuid() == 0:
            marks = () if trap.planted else (pytest.mark.thorough,)
            yield pytest.param(trap, STRANGER, id=f"{trap.name}, another user's", marks=marks)


@pytest.mark.parametrize(("trap", "owner"), list(_at_the_doors()))
def test_looking_at_a_repository_obeys_nothing_in_it(
    trap: Trap, owner: int | None, door: Door, honest: Honest, canaries: Canaries
) -> None:
    ground = trap.set(honest)
    if owner is not None:
        give_away(ground, owner)
    canaries.told()
    answers = list(_all_doors(door, str(ground.path)))
    fired = canaries.told()
    assert not fired, [answer.status_code for answer in answers]
    for answer in answers:
        _check_answer(answer, trap, ground)


def _all_doors(door: Door, path: str) -> list[httpx2.Response]:
    """Register it, look at it again, and submit by its path."""
    name = path.rpartition("/")[2].replace(".git", "")
    registered = door.client.post("/api/v1/repositories", json={"remote": path, "name": name})
    submission = {"title": "Double", "body": "Double a number.", "repositories": [path]}
    answers = [registered, door.client.post("/api/v1/change-requests", json=submission)]
    if registered.status_code == 201:
        answers.append(door.client.post(f"/api/v1/repositories/{name}/check"))
    return answers


def _check_answer(answer: httpx2.Response, trap: Trap, ground: Ground) -> None:
    told = (answer.request.url.path, answer.status_code, answer.text)
    assert answer.status_code < 500, told
    assert ref_of(ground.secret / ".git", "refs/heads/main") not in answer.text and SECRET not in answer.text, told
    if answer.is_success:
        assert trap.becomes is not Becomes.REFUSED, told
        if trap.becomes is Becomes.TAKEN:
            _check_found(answer.json(), ground)
    else:
        assert trap.becomes is not Becomes.TAKEN, told
        assert answer.json().get("remedy"), told


def _check_found(found: dict[str, Any], ground: Ground) -> None:
    if "base_commit" in found:
        assert (found["base_commit"], found["stack"]) == (ground.head, "python, pytest"), found
        assert not [warning for warning in found["warnings"] if "uncommitted" in warning], found


def test_the_installations_own_cache_is_nobodys_repository(door: Door, honest: Honest, canaries: Canaries) -> None:
    """What the controller keeps of one tenant's repository cannot be registered by its path, nor pointed at."""
    first = honest.copy("first")
    assert door.client.post("/api/v1/repositories", json={"remote": str(first.path)}).status_code == 201
    cache = next((door.data / "git").glob("*first*.git"))
    pointing = honest.copy("pointing")
    (pointing.git_dir / "HEAD").unlink()
    pointing.git_dir.rename(pointing.path / "was")
    (pointing.path / ".git").write_text(f"gitdir: {cache}\n")
    for path in (pointing.path, cache):
        refused = door.client.post("/api/v1/repositories", json={"remote": str(path), "name": "stolen"})
        assert 400 <= refused.status_code < 500, (path, refused.text)
    assert canaries.told() == []
