"""The corpus: one honest repository after the other with traps in it, and what may become of it at the doors.

Choice: keys of the configuration stand together in few repositories, each with a canary of its own, because each look at a
repository costs a dozen processes; what changes the shape of a repository stands alone. Invariant: the traps of configuration
are made from `git_keys`, so a program that git learns to start is laid here, too, or the suite says that it is missing.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.hostile import git_keys
from tests.hostile.ground import Ground, Honest, as_person, make_repository

_FILTER = "exec /bin/cat"
_SHOW = 'exec /bin/cat "$1"'
_COMMANDS = ("fetch", "ls-remote", "rev-parse", "status", "diff", "log", "push", "worktree", "cat-file", "ls-tree", "canary")
_EVENTS = ("pre-receive", "update", "post-receive", "post-update", "reference-transaction", "post-index-change")
_INFINITE = Path("/dev/zero")


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


def program_values(ground: Ground, label: str) -> Iterator[tuple[str, str]]:
    """Yield the configuration that names a canary under every key that can name a program."""
    for documented in git_keys.PROGRAMS:
        yield from _values_of(ground, label, documented)
    for key in ("commit.gpgSign", "tag.gpgSign", "push.gpgSign", "log.showSignature", "merge.verifySignatures"):
        yield key, "true"
    yield "protocol.allow", "always"
    yield "protocol.ext.allow", "always"
    yield "filter.code.required", "false"
    yield "core.untrackedCache", "true"


def _values_of(ground: Ground, label: str, documented: str) -> Iterator[tuple[str, str]]:
    def canary(then: str = "exit 0", of: str = documented) -> str:
        return str(ground.canaries.program(f"{label} {re.sub('[<>]', '', of)}", then=then))

    match documented:
        case "alias.*":
            yield from ((f"alias.{name}", f"!{canary(of=f'alias.{name}')}") for name in _COMMANDS)
        case "alias.*.command":
            yield from ((f"alias.{name}.command", f"!{canary(of=f'alias.{name}')}") for name in _COMMANDS)
        case "core.hooksPath":
            directory = ground.canaries.programs / f"hooks-{ground.path.name}"
            ground.hooks(directory, f"{label} core.hooksPath")
            yield documented, str(directory)
        case "core.fsmonitor":
            yield documented, canary("exit 1")
        case "credential.<url>.*":
            yield "credential.http://127.0.0.1.helper", canary()
        case "filter.<driver>.process":  # where it stands, the other two are not asked: `a filter that must run`
            pass
        case "filter.<driver>.clean" | "filter.<driver>.smudge":
            yield documented.replace("<driver>", "code"), canary(_FILTER)
        case "diff.<driver>.textconv":
            yield "diff.driver.textconv", canary(_SHOW)
        case "gpg.<format>.program":
            yield from ((f"gpg.{name}.program", canary(of=f"gpg.{name}.program")) for name in ("openpgp", "x509", "ssh"))
        case "hook.<friendly-name>.command":
            for event in _EVENTS:
                yield f"hook.{event}-canary.event", event
                yield f"hook.{event}-canary.command", canary(of=f"hook {event}")
        case "pager.<cmd>":
            yield from ((f"pager.{name}", canary(of=f"pager.{name}")) for name in _COMMANDS)
        case "remote.<name>.vcs":
            yield documented.replace("<name>", "origin"), "trap"
        case "submodule.<name>.update":
            yield "submodule.sub.update", f"!{canary()}"
        case _:
            yield _concrete(documented), canary()


def _concrete(documented: str) -> str:
    names = {"<driver>": "driver", "<name>": "origin", "<tool>": "trap", "<format>": "tar.gz", "<key-alias>": "trap"}
    key = documented
    for placeholder, name in names.items():
        key = key.replace(placeholder, name)
    assert "<" not in key, f"{documented} has no trap"
    return key


def _programs(ground: Ground) -> None:
    ground.configure(program_values(ground, "config"))


def _attributes_of_the_repository(ground: Ground) -> None:
    _programs(ground)
    (ground.git_dir / "info").mkdir(exist_ok=True)
    (ground.git_dir / "info" / "attributes").write_text("* filter=code diff=driver merge=driver\n")


def _process_filter(ground: Ground) -> None:
    ground.configure(
        [
            ("filter.code.process", str(ground.canaries.program("config filter.process"))),
            ("filter.code.required", "true"),
        ]
    )


def _paths(ground: Ground) -> None:
    for number, documented in enumerate(git_keys.PATHS):
        if documented == "core.worktree":  # moves the work tree: a repository of its own
            continue
        bait = ground.aside / f"bait-{ground.path.name}-{number}"
        bait.write_text("# nothing\n")
        key = documented.replace("<condition>", "gitdir:/**").replace("<name>", "origin")
        ground.configure([(key, str(ground.canaries.watch(f"path {documented}", bait)))])


def _addresses(ground: Ground) -> None:
    def at(name: str) -> str:
        return f"http://{ground.canaries.address(f'address {name}')}/{name}"

    program = ground.canaries.program("address ext", then="exit 1")
    ground.configure(
        [
            ("remote.origin.url", at("remote.url")),
            ("remote.origin.pushurl", at("remote.pushurl")),
            ("remote.origin.proxy", at("remote.proxy")),
            ("remote.pushDefault", "origin"),
            ("branch.main.remote", "origin"),
            ("branch.main.pushRemote", at("branch.pushRemote")),
            ("http.proxy", at("http.proxy")),
            ("http.http://127.0.0.1.proxy", at("http.url.proxy")),
            ("fetch.bundleURI", at("fetch.bundleURI")),
            ("transfer.bundleURI", "true"),
            ("uploadpack.advertiseBundleURIs", "true"),
            ("bundle.version", "1"),
            ("bundle.mode", "all"),
            ("bundle.one.uri", at("bundle.uri")),
            (f"url.ext::{program}.insteadOf", str(ground.path)),
            (f"url.ext::{program} .pushInsteadOf", "/"),
            ("submodule.sub.url", f"ext::{program}"),
            ("protocol.allow", "always"),
        ]
    )


def _all_values(ground: Ground) -> None:
    """Programs, paths and addresses together, and all hooks: what a whole run passes by."""
    _programs(ground)
    _paths(ground)
    _addresses(ground)
    config = ground.git_dir / "config"
    config.write_text("".join(part for part in _without(config.read_text(), "hooksPath", "required")))
    ground.hooks(ground.git_dir / "hooks", "hook")
    # Where it stands, git leaves the work tree to it and asks no filter.
    (ground.git_dir / "hooks" / "push-to-checkout").unlink()


def _without(text: str, *names: str) -> Iterator[str]:
    return (line for line in text.splitlines(keepends=True) if line.split("=")[0].strip() not in names)


def _hooks(ground: Ground) -> None:
    ground.hooks(ground.git_dir / "hooks", "hook")


def _proc_receive(ground: Ground) -> None:
    _hooks(ground)
    ground.configure([("receive.procReceiveRefs", "refs"), ("receive.denyCurrentBranch", "ignore")])


def _included(ground: Ground) -> None:
    more = ground.aside / f"{ground.path.name}.more"
    ground.configure(program_values(ground, "include"), file=more)
    ground.configure([("include.path", str(more))])


def _included_on_a_condition(ground: Ground) -> None:
    """A file of the work tree that git ignores, named by a relative path."""
    ground.configure(program_values(ground, "includeIf"), file=ground.path / "more.conf")
    ground.configure([("includeIf.gitdir:/**.path", "../more.conf")])
    (ground.git_dir / "info").mkdir(exist_ok=True)
    (ground.git_dir / "info" / "exclude").write_text("more.conf\n")


def _configuration_of_the_worktree(ground: Ground) -> None:
    ground.configure([("core.repositoryFormatVersion", "1"), ("extensions.worktreeConfig", "true")])
    ground.configure(program_values(ground, "config.worktree"), file=ground.git_dir / "config.worktree")


def _linked_worktree(ground: Ground) -> None:
    """The path that is given is an honest linked work tree; its repository is armed."""
    whole = ground.aside / f"main-of-{ground.path.name}"
    ground.path.rename(whole)
    as_person(whole, "checkout", "-q", "--detach")
    as_person(whole, "worktree", "add", "-q", str(ground.path), "main")
    Ground(whole, ground.canaries, ground.fifos, ground.aside).configure(program_values(ground, "linked"))


def _submodules(ground: Ground) -> None:
    """A submodule that does not stand at the recorded commit, and another whose name leads out of its place."""
    program = ground.canaries.program("submodule update")
    inner = ground.path / "sub"
    make_repository(inner, {"a": "a"})
    recorded = Ground(inner, ground.canaries, ground.fifos, ground.aside).head
    as_person(inner, "commit", "-q", "--allow-empty", "-m", "Second")
    (ground.path / ".gitmodules").write_text(
        f'[submodule "sub"]\n\tpath = sub\n\turl = ext::{program}\n'
        f'[submodule "../../hooks"]\n\tpath = other\n\turl = -u{program}\n'
    )
    as_person(ground.path, "update-index", "--add", "--cacheinfo", f"160000,{recorded},sub")
    as_person(ground.path, "add", ".gitmodules")
    as_person(ground.path, "commit", "-q", "-m", "Submodules")
    ground.configure([("submodule.sub.update", f"!{program}"), ("submodule.recurse", "true")])
    ground.configure([("submodule.sub.url", f"ext::{program}"), ("submodule.sub.active", "true")])
    Ground(inner, ground.canaries, ground.fifos, ground.aside).configure(program_values(ground, "submodule"))


def _odd_index(ground: Ground) -> None:
    """An index in two files that remembers a file system monitor and a cache of untracked files."""
    as_person(ground.path, "update-index", "--split-index", "--untracked-cache", "--fsmonitor")
    as_person(ground.path, "-c", "core.fsmonitor=/bin/false", "status", "--porcelain")
    ground.configure([("core.fsmonitor", str(ground.canaries.program("index fsmonitor", then="exit 1")))])


def _replaced(ground: Ground) -> None:
    """A replacement that shows another tree under the name of the base commit."""
    head = ground.head
    for arguments in (("checkout", "-q", "--orphan", "other"), ("rm", "-rqf", ".")):
        as_person(ground.path, *arguments)
    (ground.path / "package.json").write_text('{"scripts": {"test": "false"}}')
    as_person(ground.path, "add", "package.json")
    as_person(ground.path, "commit", "-q", "-m", "Shown instead")
    as_person(ground.path, "checkout", "-q", "main")
    as_person(ground.path, "replace", "--graft", head, "other")
    as_person(ground.path, "replace", "-f", head, "other")


def _grafted(ground: Ground) -> None:
    (ground.git_dir / "info").mkdir(exist_ok=True)
    (ground.git_dir / "info" / "grafts").write_text(f"{ground.head} {'1' * 40}\n")


def _shallow(ground: Ground) -> None:
    (ground.git_dir / "shallow").write_text(f"{ground.head}\n")


def _borrowing(ground: Ground) -> None:
    """Objects of another tenant behind an alternate, and a branch that names them."""
    theirs = ground.secret / ".git"
    (ground.git_dir / "objects" / "info" / "alternates").write_text(f"{theirs / 'objects'}\n")
    head = Ground(ground.secret, ground.canaries, ground.fifos, ground.aside).head
    (ground.git_dir / "refs" / "heads" / "theirs").write_text(f"{head}\n")
    program = ground.canaries.program("config core.alternateRefsCommand")
    ground.configure([("core.alternateRefsCommand", str(program))])


def _borrowing_from_a_pipe(ground: Ground) -> None:
    ground.fifos.make("alternates", ground.git_dir / "objects" / "info" / "alternates")


def _borrowing_by_http(ground: Ground) -> None:
    address = ground.canaries.address("address http-alternates")
    (ground.git_dir / "objects" / "info" / "http-alternates").write_text(f"http://{address}/objects\n")


def _promised(ground: Ground) -> None:
    """A partial clone: what is missing is fetched by a program that the repository names."""
    program = ground.canaries.program("lazy fetch", then="exit 1")
    ground.configure(
        [
            ("core.repositoryFormatVersion", "1"),
            ("extensions.partialClone", "origin"),
            ("remote.origin.promisor", "true"),
            ("remote.origin.url", f"ext::{program}"),
            ("remote.origin.uploadpack", str(program)),
            ("protocol.allow", "always"),
            ("protocol.ext.allow", "always"),
        ]
    )
    blob = as_person(ground.path, "rev-parse", "main:calc.py").stdout.decode().strip()
    (ground.git_dir / "objects" / blob[:2] / blob[2:]).unlink()


def _pointing(target: Callable[[Ground], Path]) -> Callable[[Ground], None]:
    def lay(ground: Ground) -> None:
        shutil.rmtree(ground.path / ".git")
        (ground.path / ".git").write_text(f"gitdir: {target(ground)}\n")

    return lay


def _git_file_is_a_pipe(ground: Ground) -> None:
    shutil.rmtree(ground.path / ".git")
    ground.fifos.make(".git", ground.path / ".git")


def _common_directory(ground: Ground) -> None:
    (ground.git_dir / "commondir").write_text(f"{ground.secret / '.git'}\n")


def _linked(name: str, target: Callable[[Ground], Path]) -> Callable[[Ground], None]:
    return lambda ground: ground.replace_by_link(name, target(ground))


def _pipe(name: str) -> Callable[[Ground], None]:
    def lay(ground: Ground) -> None:
        ground.fifos.make(name, ground.git_dir / name)

    return lay


def _made_of_links(ground: Ground) -> None:
    """Every entry of the git directory is a link to the other tenant's."""
    for entry in sorted((ground.secret / ".git").iterdir()):
        ground.replace_by_link(entry.name, entry)


def _huge_configuration(ground: Ground) -> None:
    os.truncate(ground.git_dir / "config", 1 << 30)


def _closed_configuration(ground: Ground) -> None:
    (ground.git_dir / "config").chmod(0)


def _work_tree_elsewhere(ground: Ground) -> None:
    ground.configure([("core.worktree", str(ground.secret)), ("core.bare", "false")])


def _called_bare(ground: Ground) -> None:
    ground.configure([("core.bare", "true")])


def _directory_that_is_a_link(ground: Ground) -> None:
    """`tests` is a link to the outside, and the index is told not to look."""
    outside = ground.aside / f"outside-{ground.path.name}"
    as_person(ground.path, "update-index", "--assume-unchanged", "tests/test_calc.py")
    shutil.move(ground.path / "tests", outside)
    (ground.path / "tests").symlink_to(outside)


def _secret_git(ground: Ground) -> Path:
    return ground.secret / ".git"


TRAPS = (
    Trap("configured programs", _programs),
    Trap("attributes in the git directory", _attributes_of_the_repository),
    Trap("a filter that must run", _process_filter),
    Trap("configured paths", _paths),
    Trap("configured addresses", _addresses),
    Trap("everything", _all_values, planted=True, foreign=True),
    Trap("hooks", _hooks),
    Trap("bare with hooks", _proc_receive, bare=True, foreign=True),
    Trap("bare with programs", _attributes_of_the_repository, bare=True),
    Trap("included configuration", _included, foreign=True),
    Trap("configuration included on a condition", _included_on_a_condition),
    Trap("configuration of the work tree", _configuration_of_the_worktree),
    Trap("linked work tree", _linked_worktree, foreign=True),
    Trap("submodules", _submodules),
    Trap("odd index", _odd_index),
    Trap("replaced commit", _replaced, Becomes.EITHER),
    Trap("grafts", _grafted, Becomes.EITHER),
    Trap("shallow", _shallow, Becomes.REFUSED),
    Trap("borrowed objects", _borrowing, Becomes.REFUSED, foreign=True),
    Trap("alternates in a pipe", _borrowing_from_a_pipe, Becomes.REFUSED),
    Trap("alternates by http", _borrowing_by_http, Becomes.EITHER),
    Trap("promised objects", _promised, Becomes.REFUSED),
    Trap("git file to another tenant", _pointing(_secret_git), Becomes.REFUSED, foreign=True),
    Trap("git file to nothing", _pointing(lambda ground: ground.aside / "nothing"), Becomes.REFUSED),
    Trap("git file to a device", _pointing(lambda ground: _INFINITE), Becomes.REFUSED),
    Trap("git file is a pipe", _git_file_is_a_pipe, Becomes.REFUSED),
    Trap("common directory of another tenant", _common_directory, Becomes.REFUSED),
    Trap("made of links", _made_of_links, Becomes.REFUSED, foreign=True),
    Trap("objects are a link", _linked("objects", lambda ground: _secret_git(ground) / "objects"), Becomes.REFUSED),
    Trap("refs are a link", _linked("refs", lambda ground: _secret_git(ground) / "refs"), Becomes.REFUSED),
    Trap("HEAD is a device", _linked("HEAD", lambda ground: _INFINITE), Becomes.REFUSED),
    Trap("HEAD is a pipe", _pipe("HEAD"), Becomes.REFUSED),
    Trap("configuration is a device", _linked("config", lambda ground: _INFINITE), Becomes.EITHER),
    Trap("configuration is a pipe", _pipe("config"), Becomes.EITHER),
    Trap("configuration is huge", _huge_configuration, Becomes.EITHER),
    Trap("configuration is closed", _closed_configuration, Becomes.EITHER),
    Trap("packed refs are a device", _linked("packed-refs", lambda ground: _INFINITE), Becomes.EITHER),
    Trap("packed refs are a pipe", _pipe("packed-refs"), Becomes.EITHER),
    Trap("index is a device", _linked("index", lambda ground: _INFINITE), Becomes.EITHER),
    Trap("index is a pipe", _pipe("index"), Becomes.EITHER),
    Trap("work tree elsewhere", _work_tree_elsewhere, Becomes.EITHER),
    Trap("called bare", _called_bare, Becomes.EITHER),
    Trap("a directory that is a link", _directory_that_is_a_link, Becomes.EITHER),
)
