"""What a person should know of a repository before submitting to it, beside whether its suite runs.

Each of these has ended change requests at their very end: a tree that lacks files, a branch beside which git cannot keep
ours, a rule about commit messages. Choice: read them at the base commit, say each once, with what helps.
"""

from collections.abc import Sequence

from pipeline.change_request import branch_name
from pipeline.identifiers import new_id
from pipeline.ports import Author, History, Repository
from pipeline.repositories.commit_rules import CommitRule, RuleFound
from pipeline.repositories.ref_names import shown
from pipeline.stage.commit_rules_at import rules_at, said_of
from pipeline.survey.record import Remark, RemarkKind

_NAMED_MAX = 5
_HISTORIES = {
    History.PARTIAL: (
        "Its history is long, so older versions of files are fetched only when needed; in trees, `git blame` does not work.",
        "For all of it, raise CHANGELINE_GIT__WHOLE_HISTORY_MAX_BYTES before the repository is first fetched.",
    ),
    History.REFUSED: (
        "Its history is long, and its server gave all of it because it does not offer partial clone.",
        "Allow it there (`git config uploadpack.allowFilter true`, protocol version 2) before the repository is first fetched.",
    ),
}


async def remarks_on(repository: Repository, base: str, files: Sequence[str], author: Author) -> tuple[Remark, ...]:
    """Return what is to be said of the repository as a whole at its base commit."""
    return (
        *await _absent(repository, base),
        *await _history(repository),
        *await _push(repository),
        *await _branch(repository),
        *await _commit_rules(repository, base, files, author),
    )


async def _absent(repository: Repository, base: str) -> list[Remark]:
    absent = await repository.absent(base)
    found: list[Remark] = []
    for one in absent.submodules[:_NAMED_MAX]:
        message = (
            f"The submodule `{shown(one.path)}` is empty in every tree here, so tests that need it fail: {one.why}"
        )
        found.append(Remark(kind=RemarkKind.SUBMODULES, message=message))
    if (more := len(absent.submodules) - _NAMED_MAX) > 0:
        found.append(Remark(kind=RemarkKind.SUBMODULES, message=f"{more:,} more submodules are empty."))
    if absent.pointers:
        found.append(
            Remark(
                kind=RemarkKind.LARGE_FILES,
                message=f"Git LFS keeps {_listed(absent.pointers)}; trees here hold the pointers only.",
                remedy="Tests that read these files fail on the base too and do not count; or keep small samples outside of LFS.",
            )
        )
    return found


async def _history(repository: Repository) -> list[Remark]:
    said = _HISTORIES.get(await repository.history())
    return [] if said is None else [Remark(kind=RemarkKind.HISTORY, message=said[0], remedy=said[1])]


async def _push(repository: Repository) -> list[Remark]:
    refused = await repository.push_refusal()
    return [] if refused is None else [Remark(kind=RemarkKind.NO_PUSH, message=refused.message)]


async def _branch(repository: Repository) -> list[Remark]:
    wanted = branch_name(new_id("cr"), 1)
    other = await repository.branch_in_the_way(wanted)
    if other is None:
        return []
    return [
        Remark(
            kind=RemarkKind.BRANCH_IN_THE_WAY,
            message=f"The remote has a branch `{shown(other)}`, beside which git cannot keep branches such as `{wanted}`.",
            remedy=f"Rename or delete the branch `{shown(other)}` there.",
        )
    ]


async def _commit_rules(repository: Repository, base: str, files: Sequence[str], author: Author) -> list[Remark]:
    return [_of_rule(one, author) for one in await rules_at(repository, base, files)]


def _of_rule(found: RuleFound, author: Author) -> Remark:
    told = said_of(found, author)
    kind = RemarkKind.SIGN_OFF if found.rule is CommitRule.SIGN_OFF else RemarkKind.COMMIT_NAMES
    return Remark(kind=kind, message=told.message, remedy=told.remedy)


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED_MAX:,} more" if len(paths) > _NAMED_MAX else ""
    return ", ".join(f"`{shown(path)}`" for path in paths[:_NAMED_MAX]) + more
