"""Repository identification: explicit in this version. A request that names no repository asks a person."""

from typing import Any

from pipeline.change_request import PauseReason
from pipeline.stage.declaration import NeverSkipped, StageDeclaration
from pipeline.stage.run import StageEnd, StageRun, blocked
from pipeline.stage.state import RepositoryState


def inputs(run: StageRun) -> list[Any]:
    """The targets frozen at submit, or added by a person since."""
    return sorted(run.context.targets)


async def repository_identification(run: StageRun) -> StageEnd:
    """Take the repositories the request names."""
    names = sorted(run.context.targets)
    if not names:
        return blocked(PauseReason.REPOSITORIES_UNKNOWN, "The request names no repository. Name one and resume.")
    return StageEnd(summary=", ".join(names), repositories={name: RepositoryState() for name in names})


DECLARATION = StageDeclaration(
    body=repository_identification,
    inputs=inputs,
    label="Repositories",
    explanation="settles which repositories change",
    skip=NeverSkipped("nothing can be changed before it is known where"),
    names_repositories=True,
    pauses_as=(PauseReason.REPOSITORIES_UNKNOWN,),
)
