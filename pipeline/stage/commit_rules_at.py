"""What a repository's commits have to be like, read at a commit: for the check of a repository and for warnings of a request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.ports import Author, Repository
from pipeline.repositories import commit_rules
from pipeline.repositories.commit_rules import CommitRule, RuleFound
from pipeline.repositories.ref_names import shown
from pipeline.stage.repository_reading import text_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A rule in words for a person. `remedy` is empty where nothing is to be done."""

    message: str
    remedy: str = ""


def said_of(found: RuleFound, author: Author) -> Told:
    """Say what a rule means for the commits of a change request."""
    who = shown(found.path) if found.path else "Nearly each of the latest commits"
    if found.rule is CommitRule.NAMED_SUBJECTS:
        asks = "asks for" if found.path else "has a subject of the form of"
        return Told(
            message=f"{who} {asks} conventional commits (`feat: …`), and Changeline names its commits after the feature.",
            remedy="A check that refuses other subjects has to let branches `changeline/*` through, or look at the merge's "
            "subject alone: that is the title of the request, which may begin with `feat:`.",
        )
    asks = f"{who} asks for signed-off commits" if found.path else f"{who} is signed off"
    if author.signs_off:
        return Told(message=f"{asks}; Changeline's carry `Signed-off-by: {author.name} <{author.email}>`.")
    return Told(message=f"{asks} (DCO), and Changeline's are not signed off.", remedy=f"{commit_rules.SET_SIGN_OFF}.")


async def rules_at(repository: Repository, commit: str, files: Sequence[str]) -> list[RuleFound]:
    """Return each rule once, with the file that states it, if one does."""
    stated = [
        await _stated(
            repository, commit, CommitRule.SIGN_OFF, commit_rules.sign_off_asked(files), commit_rules.asks_for_sign_off
        ),
        await _stated(
            repository, commit, CommitRule.NAMED_SUBJECTS, commit_rules.names_asked(files), commit_rules.asks_for_names
        ),
    ]
    found = [one for one in stated if one is not None]
    known = {one.rule for one in found}
    messages = await repository.messages(commit, limit=commit_rules.RECENT) if len(known) < len(CommitRule) else []
    habits = commit_rules.habits(messages)
    return [*found, *(RuleFound(rule=rule) for rule in CommitRule if rule in habits - known)]


async def _stated(
    repository: Repository, commit: str, rule: CommitRule, paths: Sequence[str], asks: Callable[[str, str], bool]
) -> RuleFound | None:
    for path in paths:
        if asks(path, await text_at(repository, commit, path)):
            return RuleFound(rule=rule, path=path)
    return None
