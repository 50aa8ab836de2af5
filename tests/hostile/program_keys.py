"""The configuration that names a canary under every key that can name a program, made from the table of keys.

Choice: what a key is called in a real configuration, and what its program has to do so that git goes on, stands in `CONCRETE`;
all other keys of the table take a program as it is. Invariant: a key of the table that neither fits fails loudly.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.hostile import git_keys
from tests.hostile.ground import Ground

FILTER = "exec /bin/cat"
_SHOW = 'exec /bin/cat "$1"'
_COMMANDS = (
    "fetch",
    "ls-remote",
    "rev-parse",
    "status",
    "diff",
    "log",
    "push",
    "worktree",
    "cat-file",
    "ls-tree",
    "canary",
)
_EVENTS = ("pre-receive", "update", "post-receive", "post-update", "reference-transaction", "post-index-change")
_PLACEHOLDERS = {
    "<driver>": "driver",
    "<name>": "origin",
    "<tool>": "trap",
    "<format>": "tar.gz",
    "<key-alias>": "trap",
}


@dataclass(frozen=True, slots=True)
class Named:
    """One key of a real configuration. `then` is how its program goes on, `before` stands before the program's path."""

    key: str
    then: str = "exit 0"
    before: str = ""


CONCRETE = {
    "alias.*": tuple(Named(f"alias.{name}", before="!") for name in _COMMANDS),
    "alias.*.command": tuple(Named(f"alias.{name}.command", before="!") for name in _COMMANDS),
    "core.fsmonitor": (Named("core.fsmonitor", then="exit 1"),),
    "core.hooksPath": (),  # a directory of programs, laid by `program_values`
    "credential.<url>.*": (Named("credential.http://127.0.0.1.helper"),),
    "diff.<driver>.textconv": (Named("diff.driver.textconv", then=_SHOW),),
    "filter.<driver>.clean": (Named("filter.code.clean", then=FILTER),),
    "filter.<driver>.process": (),  # where it stands the other two are not asked: a repository of its own
    "filter.<driver>.smudge": (Named("filter.code.smudge", then=FILTER),),
    "gpg.<format>.program": tuple(Named(f"gpg.{name}.program") for name in ("openpgp", "x509", "ssh")),
    "hook.<friendly-name>.command": tuple(Named(f"hook.on-{event}.command") for event in _EVENTS),
    "pager.<cmd>": tuple(Named(f"pager.{name}") for name in _COMMANDS),
    "remote.<name>.vcs": (),  # the end of a program's name, `git-remote-trap`; it lies planted in a tree
    "submodule.<name>.update": (Named("submodule.sub.update", before="!"),),
}

_BESIDE = (
    *((key, "true") for key in ("commit.gpgSign", "tag.gpgSign", "push.gpgSign", "log.showSignature")),
    *(("merge.verifySignatures", "true"), ("core.untrackedCache", "true"), ("remote.origin.vcs", "trap")),
    *(("protocol.allow", "always"), ("protocol.ext.allow", "always")),
    *((f"hook.on-{event}.event", event) for event in _EVENTS),
)
"""What brings some of them to life."""


def program_values(ground: Ground, label: str) -> Iterator[tuple[str, str]]:
    """Yield the configuration. Each canary is called `label` and its key."""
    hooks = ground.canaries.programs / f"hooks-{ground.path.name}"
    ground.hooks(hooks, f"{label} core.hooksPath")
    yield "core.hooksPath", str(hooks)
    for documented in git_keys.PROGRAMS:
        for named in CONCRETE[documented] if documented in CONCRETE else (Named(_plain(documented)),):
            program = ground.canaries.program(f"{label} {named.key}", then=named.then)
            yield named.key, f"{named.before}{program}"
    yield from _BESIDE


def _plain(documented: str) -> str:
    key = documented
    for placeholder, name in _PLACEHOLDERS.items():
        key = key.replace(placeholder, name)
    if "<" in key or "*" in key:
        raise AssertionError(f"{documented} has no trap: say in CONCRETE what it is called")
    return key
