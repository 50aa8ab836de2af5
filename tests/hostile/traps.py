"""The corpus: one honest repository after the other with traps in it, and what may become of it at the doors.

Choice: keys of the configuration stand together in few repositories, each with a canary of its own, because each look at a
repository costs a dozen processes; what changes the shape of a repository stands alone. Invariant: the traps of configuration
are made from `git_keys`, so a program that git learns to start is laid here, too, or the suite says that it is missing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.hostile import configured, shapes
from tests.hostile.ground import Ground, Honest
from tests.hostile.shapes import INFINITE, linked, pipe, pointing, secret_git


class Becomes(Enum):
    """What a door may do with a repository."""

    TAKEN = "works as the honest one does"
    REFUSED = "is refused in words, as an error of the caller"
    EITHER = "works or is refused"


@dataclass(frozen=True, slots=True)
class Trap:
    """One hostile repository. `lay` arms it; `bare` ones have no work tree."""

    name: str
    lay: Callable[[Ground], None]
    becomes: Becomes = Becomes.TAKEN
    bare: bool = False
    planted: bool = False
    """Whether its first commit holds programs and modules named like those that we start."""
    foreign: bool = False
    """Whether it also stands there as another user's, where the suite may give files away."""

    def set(self, honest: Honest) -> Ground:
        """Make the repository."""
        make = honest.bare if self.bare else honest.copy
        ground = make(self.name, planted=self.planted)
        self.lay(ground)
        if not self.bare:
            ground.grow_old()
        return ground


TRAPS = (
    Trap("configured programs", configured.programs),
    Trap("attributes in the git directory", configured.attributes_of_the_repository),
    Trap("a filter that must run", configured.process_filter),
    Trap("configured paths", configured.paths),
    Trap("configured addresses", configured.addresses),
    Trap("everything", configured.all_values, planted=True, foreign=True),
    Trap("hooks", configured.hooks),
    Trap("bare with hooks", configured.proc_receive, bare=True, foreign=True),
    Trap("bare with programs", configured.attributes_of_the_repository, bare=True),
    Trap("included configuration", configured.included, foreign=True),
    Trap("configuration included on a condition", configured.included_on_a_condition),
    Trap("configuration of the work tree", configured.configuration_of_the_worktree),
    Trap("linked work tree", configured.linked_worktree, foreign=True),
    Trap("submodules", configured.submodules),
    Trap("odd index", configured.odd_index),
    Trap("replaced commit", shapes.replaced, Becomes.EITHER),
    Trap("grafts", shapes.grafted, Becomes.EITHER),
    Trap("shallow", shapes.shallow, Becomes.REFUSED),
    Trap("borrowed objects", shapes.borrowing, Becomes.REFUSED, foreign=True),
    Trap("alternates in a pipe", shapes.borrowing_from_a_pipe, Becomes.REFUSED),
    Trap("alternates by http", shapes.borrowing_by_http, Becomes.EITHER),
    Trap("promised objects", shapes.promised, Becomes.REFUSED),
    Trap("git file to another tenant", pointing(secret_git), Becomes.REFUSED, foreign=True),
    Trap("git file to nothing", pointing(lambda ground: ground.aside / "nothing"), Becomes.REFUSED),
    Trap("git file to a device", pointing(lambda _: INFINITE), Becomes.REFUSED),
    Trap("git file is a pipe", shapes.git_file_is_a_pipe, Becomes.REFUSED),
    Trap("common directory of another tenant", shapes.common_directory, Becomes.REFUSED),
    Trap("made of links", shapes.made_of_links, Becomes.REFUSED, foreign=True),
    Trap("objects are a link", linked("objects", lambda ground: secret_git(ground) / "objects"), Becomes.REFUSED),
    Trap("refs are a link", linked("refs", lambda ground: secret_git(ground) / "refs"), Becomes.REFUSED),
    Trap("HEAD is a device", linked("HEAD", lambda _: INFINITE), Becomes.REFUSED),
    Trap("HEAD is a pipe", pipe("HEAD"), Becomes.REFUSED),
    Trap("configuration is a device", linked("config", lambda _: INFINITE), Becomes.EITHER),
    Trap("configuration is a pipe", pipe("config"), Becomes.EITHER),
    Trap("configuration is huge", shapes.huge_configuration, Becomes.EITHER),
    Trap("configuration is closed", shapes.closed_configuration, Becomes.EITHER),
    Trap("packed refs are a device", linked("packed-refs", lambda _: INFINITE), Becomes.EITHER),
    Trap("packed refs are a pipe", pipe("packed-refs"), Becomes.EITHER),
    Trap("index is a device", linked("index", lambda _: INFINITE), Becomes.EITHER),
    Trap("index is a pipe", pipe("index"), Becomes.EITHER),
    Trap("work tree elsewhere", shapes.work_tree_elsewhere, Becomes.EITHER),
    Trap("called bare", shapes.called_bare, Becomes.EITHER),
    Trap("a directory that is a link", shapes.directory_that_is_a_link, Becomes.EITHER),
)

CHOSEN = tuple(trap for trap in TRAPS if trap.becomes is not Becomes.EITHER and (trap.foreign or trap.planted))
"""One of each sort, for what costs a process for every repository."""
