"""Traps that are laid in the configuration, attributes, hooks and index of a repository whose shape is honest."""

from collections.abc import Iterator

from tests.hostile import git_keys
from tests.hostile.ground import GUARDS, Ground, as_person, make_repository
from tests.hostile.program_keys import program_values


def programs(ground: Ground) -> None:
    ground.configure(program_values(ground, "config"))


def attributes_of_the_repository(ground: Ground) -> None:
    programs(ground)
    (ground.git_dir / "info").mkdir(exist_ok=True)
    (ground.git_dir / "info" / "attributes").write_text("* filter=code diff=driver merge=driver\n")


def process_filter(ground: Ground) -> None:
    ground.configure(
        [
            ("filter.code.process", str(ground.canaries.program("config filter.process"))),
            ("filter.code.required", "true"),
        ]
    )


def paths(ground: Ground) -> None:
    for number, documented in enumerate(git_keys.PATHS):
        if documented == "core.worktree":  # moves the work tree: a repository of its own
            continue
        bait = ground.aside / f"bait-{ground.path.name}-{number}"
        bait.write_text("# nothing\n")
        key = documented.replace("<condition>", "gitdir:/**").replace("<name>", "origin")
        ground.configure([(key, str(ground.canaries.watch(f"path {documented}", bait)))])


def addresses(ground: Ground) -> None:
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


_JUDGING = {f'event = "{name}"' for name in GUARDS}


def all_values(ground: Ground) -> None:
    """Programs, paths and addresses together, and all hooks that let a push be: what a whole run passes by."""
    programs(ground)
    paths(ground)
    addresses(ground)
    config = ground.git_dir / "config"
    kept = "".join(part for part in _without(config.read_text(), "hooksPath", "required"))
    config.write_text("".join(f"{line}\n" for line in kept.splitlines() if line.strip() not in _JUDGING))
    ground.hooks(ground.git_dir / "hooks", "hook")
    ground.unguard()
    # Where it stands, git leaves the work tree to it and asks no filter.
    (ground.git_dir / "hooks" / "push-to-checkout").unlink()


def _without(text: str, *names: str) -> Iterator[str]:
    return (line for line in text.splitlines(keepends=True) if line.split("=")[0].strip() not in names)


def hooks(ground: Ground) -> None:
    ground.hooks(ground.git_dir / "hooks", "hook")


def proc_receive(ground: Ground) -> None:
    hooks(ground)
    ground.configure([("receive.procReceiveRefs", "refs"), ("receive.denyCurrentBranch", "ignore")])


def included(ground: Ground) -> None:
    more = ground.aside / f"{ground.path.name}.more"
    ground.configure(program_values(ground, "include"), file=more)
    ground.configure([("include.path", str(more))])


def included_on_a_condition(ground: Ground) -> None:
    """A file of the work tree that git ignores, named by a relative path."""
    ground.configure(program_values(ground, "includeIf"), file=ground.path / "more.conf")
    ground.configure([("includeIf.gitdir:/**.path", "../more.conf")])
    (ground.git_dir / "info").mkdir(exist_ok=True)
    (ground.git_dir / "info" / "exclude").write_text("more.conf\n")


def configuration_of_the_worktree(ground: Ground) -> None:
    ground.configure([("core.repositoryFormatVersion", "1"), ("extensions.worktreeConfig", "true")])
    ground.configure(program_values(ground, "config.worktree"), file=ground.git_dir / "config.worktree")


def linked_worktree(ground: Ground) -> None:
    """The path that is given is an honest linked work tree; its repository is armed."""
    whole = ground.aside / f"main-of-{ground.path.name}"
    ground.path.rename(whole)
    as_person(whole, "checkout", "-q", "--detach")
    as_person(whole, "worktree", "add", "-q", str(ground.path), "main")
    Ground(whole, ground.canaries, ground.fifos, ground.aside).configure(program_values(ground, "linked"))


def submodules(ground: Ground) -> None:
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


def odd_index(ground: Ground) -> None:
    """An index in two files that remembers a file system monitor and a cache of untracked files."""
    as_person(ground.path, "update-index", "--split-index", "--untracked-cache", "--fsmonitor")
    as_person(ground.path, "-c", "core.fsmonitor=/bin/false", "status", "--porcelain")
    ground.configure([("core.fsmonitor", str(ground.canaries.program("index fsmonitor", then="exit 1")))])
