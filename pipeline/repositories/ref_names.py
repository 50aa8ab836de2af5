"""What a branch may be called, spelled once: for what callers send, and for what remotes say.

Problem: a name travels into refs, files, commands, database rows and pages, and each of them has names that it cannot
hold. Choice: git's own rules (`git check-ref-format --branch`), and beyond them only what can be printed and is short
enough for a file of its own. Invariant: what passes can be fetched, stored, shown and typed as it stands.
"""

import re
from collections.abc import Iterable

BAD = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|[./]$")
"""What git has in no ref."""
_NO_TEXT = re.compile(r"[\ud800-\udfff]")
HEADS = "refs/heads/"
"""Where branches are."""
BRANCH_MAX = 250
"""Characters of a branch that a change request can be based on."""
_PATH_MAX_BYTES = 1_000
_PART_MAX_BYTES = 240
_SHOWN_MAX = 80


def why_no_branch(name: str) -> str | None:
    """Return what is wrong with a branch's short name, as the end of a sentence that begins with it; None if nothing."""
    if not name.isprintable():
        return "has characters that cannot be printed"
    if BAD.search(name) or name.startswith(("-", "/", ".")) or name in {"", "@", "HEAD"}:
        return "is not what git calls a branch"
    encoded = name.encode()
    if len(encoded) > _PATH_MAX_BYTES or any(len(part) > _PART_MAX_BYTES for part in encoded.split(b"/")):
        return "is too long"
    return None


def is_ref(name: str) -> bool:
    """Whether this is a full ref name that git accepts, that is text, and each part of which can be a file."""
    if not name.startswith("refs/") or BAD.search(name) or _NO_TEXT.search(name):
        return False
    encoded = name.encode()
    return len(encoded) <= _PATH_MAX_BYTES and all(len(part) <= _PART_MAX_BYTES for part in encoded.split(b"/"))


def in_the_way(ref: str, among: Iterable[str]) -> str | None:
    """Return the first name that keeps git from making `ref`: one above it, or one below it; both spelled alike."""
    return next((one for one in sorted(among) if ref.startswith(f"{one}/") or one.startswith(f"{ref}/")), None)


def shown(name: str) -> str:
    """Return a name as a person can be shown it, whatever is in it."""
    readable = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    plain = "".join(character if character.isprintable() else "\ufffd" for character in readable)
    return plain if len(plain) <= _SHOWN_MAX else f"{plain[:_SHOWN_MAX]}…"
