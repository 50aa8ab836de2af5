"""Whether a repository asks that commits are signed off (DCO), found before a commit is refused at delivery.

Choice: what its own files say, at the base commit: the configuration of a checking app, a hook kept in the tree, a sentence
in the contributing guide. Pure. A hook of the remote itself cannot be seen from outside; delivery says its words.
"""

import re
from collections.abc import Sequence

_APPS = (".github/dco.yml", ".github/dco.yaml", "dco.yml", ".dco.yml")
_GUIDE = re.compile(r"(?i)(?:.*/)?(?:contributing|dco|pull_request_template)(?:\.\w+)?")
_HOOK = re.compile(r"(?:.*/)?(?:commit-msg|pre-receive|\.gitlint|commitlint\.config\.\w+)")
_GUIDE_DEPTH = 2
_ASKS = re.compile(
    r"(?i)signed-off-by|developer certificate of origin|\bDCO\b|sign(?:ed)?[ -]?off|commit (?:-s\b|--signoff)"
)


def sign_off_asked(files: Sequence[str], candidates_max: int = 20) -> list[str]:
    """Return the files that may ask for it, the surest first."""
    guides = [path for path in files if _GUIDE.fullmatch(path) and path.count("/") < _GUIDE_DEPTH]
    hooks = [path for path in files if _HOOK.fullmatch(path) and path.count("/") <= _GUIDE_DEPTH]
    apps = [path for path in _APPS if path in set(files)]
    return [*apps, *hooks, *guides][:candidates_max]


def asks_for_sign_off(path: str, text: str) -> bool:
    """Whether one of these files asks for it; an app's configuration does by being there."""
    return path in _APPS or _ASKS.search(text) is not None
