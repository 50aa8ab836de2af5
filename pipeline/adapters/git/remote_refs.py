"""Which branches of a remote can be used, and what is odd about the others.

Problem: a remote may list names that no file can hold, names below one another, or objects that it does not have. git
fetches all branches or none, and says so as if the remote were away. Choice: the remote is asked first; what is odd is told
apart by rule, left out of the fetch, and named. Invariant: an odd branch never stops work on another one, and is never called an outage.
"""

import re
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.adapters.git.runner import Output
from pipeline.errors import CallerError
from pipeline.repositories.ref_names import BAD, HEADS, is_ref, shown, why_no_branch

TAGS = "refs/tags/"
_TAGS_MAX = 2_000
_NOTHING = re.compile(r"0{40}(0{24})?")
_ABOUT_REFS = re.compile(r"not our ref|cannot lock ref|local refs could not be updated")
_LACKING = re.compile(r"not our ref ([0-9a-f]{40,64})")
_UNWRITABLE = re.compile(r"cannot lock ref 'refs/remotes/origin/([^']+)'")
_ROUNDS_MAX = 10
_LEFT_OUT_MAX = 1_000
_NAMED_MAX = 3
_ABSENT = "points to an object that the remote does not have"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branches:
    """What a remote lists below `refs/heads/`, by short name."""

    usable: Mapping[str, str]
    """Commits as listed; that they are commits is known only once they were fetched."""
    odd: Mapping[str, str]
    """Why each of the others cannot be used, as the end of a sentence."""

    def warnings(self) -> tuple[str, ...]:
        """Return at most one sentence for a person."""
        if not self.odd:
            return ()
        return (f"{_counted(self.odd)} cannot be used and {_verb(self.odd)} left out: {_described(self.odd)}.",)


def listing(text: str) -> dict[str, str]:
    """Read the output of `git ls-remote`: full name to object; of lines with one name the first counts."""
    found: dict[str, str] = {}
    # Not `splitlines`: a name may hold what Unicode calls a line separator.
    for line in text.split("\n"):
        value, tab, name = line.partition("\t")
        if tab:
            found.setdefault(name, value)
    return found


def tags(listed: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that can be held here: full name to object. Of more than a few thousand the last ones by name count."""
    names = [
        ref
        for ref, value in sorted(listed.items())
        if ref.startswith(TAGS) and is_ref(ref) and why_no_branch(ref.removeprefix(TAGS)) is None
        and not _NOTHING.fullmatch(value)
    ]  # fmt: skip
    above = set(names)
    usable = [ref for ref in names if not any(ref[:end] in above for end in _slashes(ref))]
    return {ref: listed[ref] for ref in usable[-_TAGS_MAX:]}


def branches(listed: Mapping[str, str], *, lacking: Container[str] = ()) -> Branches:
    """Tell usable branches from odd ones. Of two names below one another the shorter one is usable.

    `lacking` are objects that the remote is known not to have.
    """
    usable: dict[str, str] = {}
    odd: dict[str, str] = {}
    for ref, value in sorted(listed.items()):
        if not ref.startswith(HEADS):
            continue
        name = ref.removeprefix(HEADS)
        why = why_no_branch(name) or (_ABSENT if value in lacking else _why_not_held(name, value, usable))
        if why is None:
            usable[name] = value
        else:
            odd[name] = why
    return Branches(usable=usable, odd=odd)


async def fetch_usable(
    fetch: Callable[[Sequence[str]], Awaitable[Output]], ask: Callable[[], Awaitable[Output]]
) -> Output:
    """Fetch everything but what is odd; returns how the last command ended.

    `ask` lists the remote's branches, `fetch` is given full names to leave out. What only the fetch finds odd is left out
    of the next try. Raises `CallerError` when it is not enough to leave branches out, or they are too many.
    """
    left_out: dict[str, str] = {}
    for _ in range(_ROUNDS_MAX):
        listed = await ask()
        if listed.code:
            return listed
        refs = listing(listed.text)
        left_out |= branches(refs).odd
        # Names that git has in no ref it leaves out by itself, and takes in no refspec.
        named = [ref for name in left_out if not BAD.search(ref := f"{HEADS}{name}")]
        if len(named) > _LEFT_OUT_MAX:
            break
        output = await fetch(named)
        if not output.code or not _ABOUT_REFS.search(_told(output)):
            return output
        blamed = {name: why for name, why in _blamed(output, refs).items() if name not in left_out}
        if not blamed:
            break
        left_out |= blamed
    raise too_odd(left_out)


def too_odd(odd: Mapping[str, str]) -> CallerError:
    """Return the refusal of a remote whose branches cannot be used."""
    return CallerError(
        f"{_counted(odd)} of the repository cannot be used: {_described(odd)}.", field="remote",
        remedy="Delete or rename these branches, or use a repository without them.",
        branches=[shown(name) for name in _first(odd)], count=len(odd),
    )  # fmt: skip


def _slashes(ref: str) -> Iterable[int]:
    return (place for place, one in enumerate(ref) if one == "/")


def _why_not_held(name: str, value: str, usable: Mapping[str, str]) -> str | None:
    if _NOTHING.fullmatch(value):
        return "points to nothing"
    parts = name.split("/")
    above = next((one for end in range(1, len(parts)) if (one := "/".join(parts[:end])) in usable), None)
    return f"stands below the branch {shown(above)}" if above is not None else None


def _blamed(output: Output, listed: Mapping[str, str]) -> dict[str, str]:
    """Return the branches that git's words are about."""
    lacking = set(_LACKING.findall(_told(output)))
    heads = {ref.removeprefix(HEADS): value for ref, value in listed.items() if ref.startswith(HEADS)}
    found = {name: _ABSENT for name in heads if heads[name] in lacking}
    unwritable = set(_UNWRITABLE.findall(_told(output)))
    return found | {name: "cannot be written here" for name in heads if name in unwritable}


def _told(output: Output) -> str:
    # All of it: the remote decides how long the names are that git repeats.
    return output.stderr.decode("utf-8", "surrogateescape")


def _counted(odd: Mapping[str, str]) -> str:
    return "1 branch" if len(odd) == 1 else f"{len(odd):,} branches"


def _verb(odd: Mapping[str, str]) -> str:
    return "is" if len(odd) == 1 else "are"


def _described(odd: Mapping[str, str]) -> str:
    named = [f"`{shown(name)}` {odd[name]}" for name in _first(odd)]
    return "; ".join([*named, "…"] if len(odd) > _NAMED_MAX else named)


def _first(odd: Iterable[str]) -> list[str]:
    return sorted(odd)[:_NAMED_MAX]
