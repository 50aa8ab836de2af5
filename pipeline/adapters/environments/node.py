"""How environments of Node repositories are built: by the package manager that the repository itself uses.

Problem: a lock file of one manager means nothing to another, and each writes to other places. Choice: the manager that
`packageManager` or the lock file names, installed into the environment by npm where it is not npm. `node_modules`, one for
each workspace, is built beside the manifests and mounted read-only into the tree when a command runs: ES modules ignore
`NODE_PATH`, and a symbolic link would be committed, because a `.gitignore` that says `node_modules/` does not match links.
Links between workspaces are relative, so they lead to the mounted tree's own sources.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.adapters.environments.build import Build, Recipe, failed
from pipeline.adapters.environments.node_versions import as_version, node_wishes
from pipeline.adapters.environments.node_wants import unneeded
from pipeline.adapters.environments.recipes import network_of
from pipeline.adapters.environments.toolchains import said_of_its_version
from pipeline.errors import PersonNeeded
from pipeline.ports import EnvironmentSource

CACHES = (".vite", ".vite-temp", ".vitest", ".cache")
"""What runners and bundlers write within `node_modules`."""
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_NAMED = re.compile(r"(?P<name>npm|pnpm|yarn|bun)@(?P<version>\d+(?:\.\d+){0,2}(?:-[\w.]+)?)")
_YARN_LOCK_VERSION = re.compile(r"(?m)^__metadata:\s*\n\s+version: (\d+)")
_PNPM_LOCK_VERSION = re.compile(r"(?m)^lockfileVersion: '?(\d+)")
_PNPM_OF_LOCK = {"5": "7", "6": "8", "9": "10"}
_YARN_OF_LOCK = {"4": "2", "5": "3", "6": "3", "7": "3", "8": "4"}
_STALE = re.compile(
    r"EUSAGE|ERR_PNPM_(?:OUTDATED_LOCKFILE|LOCKFILE_CONFIG_MISMATCH|LOCKFILE_BREAKING_CHANGE)|lockfile needs to be updated"
    r"|YN0028|lockfile had changes"
)
"""How each manager says that its lock file does not fit the manifests."""

_NOT_TO_BE_HAD = re.compile(
    r"\b(?:E404|ETARGET|ENOVERSIONS)\b|unknown git error|ERR_PNPM_(?:NO_MATCHING_VERSION|FETCH_404)"
    r"|Couldn't find (?:any versions|package)|YN0035|YN0082"
)
"""How each manager says that a package is nowhere, as against a registry that does not answer just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Install:
    """One manager's way to install. `package` is what npm installs to have the manager; None is npm itself."""

    package: str | None
    exact: tuple[str, ...]
    """Installs what the lock file says."""
    loose: tuple[str, ...]
    """Installs what the manifests say, where there is no lock file or it does not fit them."""
    variables: Mapping[str, str] = field(default_factory=dict)


async def node_recipe(build: Build) -> Recipe:
    """Install what the manifests list, as the lock file pins it where there is one."""
    await _check_version(build)
    if not _declares_packages(build):
        return Recipe()
    at = build.stack.installed_at
    locks = [PurePosixPath(path).name for path in build.stack.manifests if str(PurePosixPath(path).parent) == at]
    install = _manager(build, locks)
    project, manager = build.copy_manifests("project"), build.directory("manager")
    path = await _have_manager(build, install, manager)
    steps = [install.exact, install.loose] if set(locks) & _LOCKS else [install.loose]
    await _installed(build, install, steps, project / at, manager, path)
    folders = [PurePosixPath(one).parent for one in build.stack.manifests if one.endswith("package.json")]
    places = [str(folder / "node_modules") for folder in dict.fromkeys(folders)]
    places = [place for place in places if _own_directory(project, place)]
    caches = [f"{place}/{name}" for place in places for name in CACHES]
    if caches:
        await build.run("mkdir", "-p", *caches, cwd=project, writable=(project,))
    return _offered(build, install, places, path)


async def _installed(
    build: Build, install: _Install, steps: list[tuple[str, ...]], folder: Path, manager: Path, path: tuple[Path, ...]
) -> None:
    """Install as the lock file says, else as the manifest says, else without what only developers want and nobody has."""
    search = {"PATH": ":".join([*map(str, path), *map(str, build.chain.path), "/usr/local/bin:/usr/bin:/bin"])}
    locked = len(steps) > 1
    while True:
        argv = _proxied(steps[0]) if "cli-dist" in (install.package or "") else steps[0]
        begun = len(build.log)
        try:
            await build.run(
                *argv, cwd=folder, writable=(build.directory("project"), build.directory("tmp")), read_only=(manager,),
                network=network_of(build), environment={**_variables(build), **install.variables, **search},
            )  # fmt: skip
        except PersonNeeded:
            said = build.log[begun:]
            if len(steps) > 1 and _STALE.search(said):
                build.log += "[The lock file does not fit the manifests: installing what the manifests say.]\n"
                steps = steps[1:]
            elif (
                locked
                or not _NOT_TO_BE_HAD.search(said)
                or not await asyncio.to_thread(_left_out, build, folder / "package.json")
            ):
                raise
        else:
            return


def _left_out(build: Build, manifest: Path) -> bool:
    """Take development dependencies that tests do not need out of the copied manifest; whether there were any."""
    at = build.stack.installed_at
    package = _package(build, _at(build, "package.json"))
    left = unneeded(package, build.files / at)
    if not left or any(choice.source is EnvironmentSource.DEVELOPMENT for choice in build.choices):
        return False
    needed = {name: version for name, version in package["devDependencies"].items() if name not in left}
    manifest.write_text(json.dumps({**package, "devDependencies": needed}), encoding="utf-8")
    for name, version in left.items():
        why = f"not all of them can be installed, and no test names {name} {version}"
        build.choose(EnvironmentSource.DEVELOPMENT, name, why, taken=False)
    return True


async def _check_version(build: Build) -> None:
    """Say which Node is asked for where this machine's is another; raise `PersonNeeded` where it is too old."""
    wishes = list(node_wishes(build.manifest, build.stack.installed_at))
    if build.stack.root != build.stack.installed_at:
        wishes += node_wishes(build.manifest, build.stack.root)
    said = await asyncio.to_thread(said_of_its_version, "node", build.chain.path, "--version") if wishes else ""
    here = as_version(said)
    supported = here is not None and any(wish.allows(here) for wish in wishes if not wish.pinned)
    for wish in wishes:
        if here is None or wish.allows(here):
            continue
        found = ".".join(map(str, here))
        told = f"needs Node {wish.text} ({wish.place}), and this machine has {found}"
        if wish.is_newer_than(here) and not (wish.pinned and supported):
            raise failed(
                f"The repository {told}.", build.log, remedy="Install that Node where Changeline runs, first on PATH."
            )
        build.choose(EnvironmentSource.INTERPRETER, found, f"the repository {told}; tried with that")


def _offered(build: Build, install: _Install, places: list[str], path: tuple[Path, ...]) -> Recipe:
    project = build.root / "project"
    mounts = {place: f"project/{place}" for place in places}
    caches = [f"{place}/{name}" for place in mounts for name in CACHES if _own_directory(project, f"{place}/{name}")]
    return Recipe(
        path=tuple(str(entry.relative_to(build.root)) for entry in path),
        variables=install.variables if path else {},
        tree_mounts=mounts,
        tree_scratch=tuple(caches),
    )


def _own_directory(project: Path, place: str) -> bool:
    """Whether the install made this directory itself; a link in its place would be shown as what it leads to."""
    found = project / place
    try:
        return found.is_dir() and found.resolve() == project.resolve() / place
    except (OSError, RuntimeError):
        return False


async def _have_manager(build: Build, install: _Install, manager: Path) -> tuple[Path, ...]:
    """Install the manager into the environment; returns the directories with its programs."""
    if install.package is None:
        return ()
    options = ("--prefix", str(manager), "--ignore-scripts", "--no-save", "--no-audit", "--no-fund")
    offline = ("--offline",) if build.settings.offline else ()
    await build.run(
        *("npm", "install", *options, *offline, install.package), cwd=manager,
        writable=(manager, build.directory("tmp")), network=network_of(build), environment=_variables(build),
    )  # fmt: skip
    modules = manager / "node_modules"
    if install.package.startswith("bun@"):
        # Its own start program is put in place by an install script; the binaries beside it need none.
        found = sorted((one.parent for one in modules.glob("@oven/bun-*/bin/bun")), key=_fits)
        return tuple(found[:1])
    return (modules / ".bin",)


def _fits(build_of_bun: Path) -> tuple[bool, bool]:
    """Order builds of one program: for the usual C library first, then for any processor."""
    return "musl" in str(build_of_bun), "baseline" not in str(build_of_bun)


def _manager(build: Build, locks: list[str]) -> _Install:
    name, version = _named(build) or _of_lock(build, locks)
    scripts = () if build.settings.install_scripts else ("--ignore-scripts",)
    offline = ("--offline",) if build.settings.offline else ()
    scratch = build.directory("tmp")
    match name:
        case "pnpm":
            argv = (
                "pnpm",
                "install",
                *scripts,
                *offline,
                "--store-dir",
                str(scratch / "pnpm"),
                "--reporter=append-only",
            )
            variables = {"npm_config_manage_package_manager_versions": "false", "CI": "true"}
            return _Install(
                package=f"pnpm@{version}", exact=(*argv, "--frozen-lockfile"), loose=(*argv, "--no-frozen-lockfile"),
                variables=variables,
            )  # fmt: skip
        case "yarn" if version.partition(".")[0] == "1":
            argv = ("yarn", "install", *scripts, *offline, "--non-interactive", "--ignore-engines", "--no-progress")
            argv += ("--cache-folder", str(scratch / "yarn"))
            return _Install(
                package=f"yarn@{version}", exact=(*argv, "--frozen-lockfile"), loose=(*argv, "--no-lockfile"),
                variables={"YARN_IGNORE_PATH": "1"},
            )  # fmt: skip
        case "yarn":
            variables = {
                "YARN_NODE_LINKER": "node-modules", "YARN_IGNORE_PATH": "1", "YARN_ENABLE_TELEMETRY": "0",
                "YARN_ENABLE_SCRIPTS": str(build.settings.install_scripts).lower(), "YARN_ENABLE_GLOBAL_CACHE": "false",
                "YARN_CACHE_FOLDER": str(scratch / "yarn"), "YARN_GLOBAL_FOLDER": str(scratch / "yarn-global"),
                "YARN_ENABLE_NETWORK": str(not build.settings.offline).lower(),
                "YARN_INSTALL_STATE_PATH": str(build.root / "project" / ".yarn-installed.gz"),
            }  # fmt: skip
            return _Install(
                package=f"@yarnpkg/cli-dist@{version}", exact=("yarn", "install", "--immutable"),
                loose=("yarn", "install", "--no-immutable"), variables=variables,
            )  # fmt: skip
        case "bun":
            argv = ("bun", "install", *scripts, "--cache-dir", str(scratch / "bun"))
            return _Install(package=f"bun@{version}", exact=(*argv, "--frozen-lockfile"), loose=argv)
        case _:
            argv = (*scripts, *offline, "--no-audit", "--no-fund")
            return _Install(
                package=None, exact=("npm", "ci", *argv), loose=("npm", "install", "--no-package-lock", *argv)
            )


_LOCKS = {
    "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb",
}  # fmt: skip


def _named(build: Build) -> tuple[str, str] | None:
    """Read `packageManager`, which corepack knows, or what Volta pins."""
    package = _package(build, _at(build, "package.json"))
    found = _NAMED.match(str(package.get("packageManager", "")))
    if found:
        return found.group("name"), found.group("version")
    pinned = package.get("volta")
    versions: dict[str, Any] = pinned if isinstance(pinned, dict) else {}
    for name in ("pnpm", "yarn"):
        volta = _NAMED.match(f"{name}@{versions.get(name, '')}")
        if volta:
            return name, volta.group("version")
    return None


def _at(build: Build, name: str) -> str:
    """Return the path of a file of the folder that is installed."""
    return str(PurePosixPath(build.stack.installed_at) / name)


def _of_lock(build: Build, locks: list[str]) -> tuple[str, str]:
    if "pnpm-lock.yaml" in locks:
        found = _PNPM_LOCK_VERSION.search(
            (build.manifest(_at(build, "pnpm-lock.yaml")) or b"").decode("utf-8", "replace")
        )
        return "pnpm", _PNPM_OF_LOCK.get(found.group(1), "10") if found else "10"
    if "yarn.lock" in locks:
        written = _YARN_LOCK_VERSION.search((build.manifest(_at(build, "yarn.lock")) or b"").decode("utf-8", "replace"))
        return "yarn", _YARN_OF_LOCK.get(written.group(1), "4") if written else "1"
    if {"bun.lock", "bun.lockb"} & set(locks):
        return "bun", "1"
    return "npm", ""


def _proxied(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Yarn reads the proxy from settings of its own; only the process in the sandbox knows its address."""
    tell = 'for kind in HTTP HTTPS; do eval "value=\\${${kind}_PROXY:-}"; '
    tell += '[ -z "$value" ] || export "YARN_${kind}_PROXY=$value"; done; exec "$@"'
    return ("sh", "-c", tell, "sh", *argv)


def _variables(build: Build) -> dict[str, str]:
    """Node brings its own authorities; an operator's mirror may be known to the system only."""
    certificates = {"NODE_EXTRA_CA_CERTS": str(_CERTIFICATES)} if _CERTIFICATES.exists() else {}
    scratch = build.directory("tmp")
    return {"npm_config_cache": str(scratch / "npm"), "npm_config_update_notifier": "false", **certificates}


def _package(build: Build, path: str) -> dict[str, Any]:
    try:
        package = json.loads(build.manifest(path) or b"{}")
    except ValueError:
        return {}
    return package if isinstance(package, dict) else {}


def _declares_packages(build: Build) -> bool:
    packages = [_package(build, path) for path in build.stack.manifests if path.endswith("package.json")]
    return any(package.get(key) for package in packages for key in ("dependencies", "devDependencies", "workspaces"))
