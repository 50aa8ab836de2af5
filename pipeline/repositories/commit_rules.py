"""What a repository asks of commits (sign-off, named subjects), found before one is refused at delivery.

Choice: what its own files say, at the base commit: the configuration of a checking app or tool, a hook kept in the tree, a
sentence in the contributing guide; and what its latest commits do, because a rule that is enforced shows in all of them. Pure.
A hook of the remote itself cannot be seen from outside; delivery says its words, and what helps.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

RECENT = 30
"""Of the latest commits without merges, those that are looked at."""
SET_SIGN_OFF = (
    "Set CHANGELINE_GIT__SIGN_OFF=true, with CHANGELINE_GIT__AUTHOR_NAME and CHANGELINE_GIT__AUTHOR_EMAIL of whoever answers "
    "for the commits, and restart Changeline"
)
_APPS = (".github/dco.yml", ".github/dco.yaml", "dco.yml", ".dco.yml")
_GUIDE = re.compile(r"(?i)(?:.*/)?(?:contributing|dco|pull_request_template)(?:\.\w+)?")
_HOOK = re.compile(r"(?:.*/)?(?:commit-msg|pre-receive|\.gitlint|commitlint\.config\.\w+)")
_NAMED = re.compile(r"(?:\.?commitlint(?:rc)?(?:\.config)?(?:\.\w+)?|\.czrc|\.cz\.\w+|\.versionrc(?:\.\w+)?)")
_GUIDE_DEPTH = 2
_ASKS = re.compile(
    r"(?i)signed-off-by|developer certificate of origin|\bDCO\b|sign(?:ed)?[ -]?off|commit (?:-s\b|--signoff)"
)
_ASKS_NAMES = re.compile(r"(?i)\bconventional[- ]commits?\b|\bcommitlint\b")
_SIGNED = re.compile(r"(?m)^Signed-off-by: .+@.+$")
_CONVENTIONAL = re.compile(r"(?:feat|fix|chore|docs|test|refactor|perf|build|ci|style|revert)(?:\([^)\n]+\))?!?: \S")
_FEWEST, _MOST = 5, 0.8
"""Commits from which a habit can be told, and the share that makes it a rule."""


class CommitRule(StrEnum):
    """What is asked of commits."""

    SIGN_OFF = "sign_off"
    NAMED_SUBJECTS = "named_subjects"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFound:
    """A rule, and where it shows: a path, or empty for the habit of the latest commits."""

    rule: CommitRule
    path: str = ""


def sign_off_asked(files: Sequence[str], candidates_max: int = 20) -> list[str]:
    """Return the files that may ask for it, the surest first."""
    apps = [path for path in _APPS if path in set(files)]
    return [*apps, *_hooks(files), *_guides(files)][:candidates_max]


def asks_for_sign_off(path: str, text: str) -> bool:
    """Whether one of these files asks for it; an app's configuration does by being there."""
    return path in _APPS or _ASKS.search(text) is not None


def names_asked(files: Sequence[str], candidates_max: int = 20) -> list[str]:
    """Return the files that may ask for conventional subjects, the surest first."""
    tools = [path for path in files if _NAMED.fullmatch(path)]
    return [*tools, *_hooks(files), *_guides(files)][:candidates_max]


def asks_for_names(path: str, text: str) -> bool:
    """Whether one of these files asks for conventional subjects; a tool's configuration does by being there."""
    return _NAMED.fullmatch(path) is not None or _ASKS_NAMES.search(text) is not None


def habits(messages: Sequence[str]) -> frozenset[CommitRule]:
    """Return what nearly all of these commits do: a rule, though no file may say it."""
    if len(messages) < _FEWEST:
        return frozenset()
    signed = sum(is_signed_off(one) for one in messages)
    named = sum(_CONVENTIONAL.match(one) is not None for one in messages)
    counted = {CommitRule.SIGN_OFF: signed, CommitRule.NAMED_SUBJECTS: named}
    return frozenset(rule for rule, number in counted.items() if number >= _MOST * len(messages))


def is_signed_off(message: str) -> bool:
    """Whether a commit's message carries anybody's sign-off."""
    return _SIGNED.search(message) is not None


def remedy_for_refusal(words: str) -> str:
    """Return what helps where a remote refuses a push with these words of its own; empty for nothing known."""
    if _ASKS.search(words):
        return f"{SET_SIGN_OFF}; then resume: the commits are signed off and proven again, and no agent works again."
    return ""


def _guides(files: Sequence[str]) -> list[str]:
    return [path for path in files if _GUIDE.fullmatch(path) and path.count("/") < _GUIDE_DEPTH]


def _hooks(files: Sequence[str]) -> list[str]:
    return [path for path in files if _HOOK.fullmatch(path) and path.count("/") <= _GUIDE_DEPTH]
