"""How environments of Go, Rust and Java are built. A repository without dependencies needs no step at all.

Their caches are kept in the environment, and the tools are told to stay offline.
"""

import asyncio
import re
import shutil
from pathlib import PurePosixPath

from pipeline.adapters.environments.build import Build, Recipe, failed
from pipeline.adapters.environments.toolchains import said_of_its_version
from pipeline.ports import EnvironmentSource, Network
from pipeline.proof.test_commands import NEXTEST_CONFIGURATION

_GO_REFUSES_NEWER = (1, 21)


async def go_recipe(build: Build) -> Recipe:
    """Download the module cache, unless modules are vendored or none is required."""
    await asyncio.to_thread(_check_go, build)
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOTELEMETRY": "off"}
    at = build.stack.installed_at
    vendored = build.has(f"{at}/vendor/modules.txt")
    modules = [build.manifest(path) or b"" for path in build.stack.manifests if path.endswith("go.mod")]
    if vendored or not any(b"require" in text for text in modules):
        return Recipe(variables=offline)
    project, cache = build.copy_manifests("project"), build.directory("gomod")
    variables = {"GOMODCACHE": str(cache)}
    if not build.has(f"{at}/go.work"):  # which allows no other mode than its own
        variables["GOFLAGS"] = "-mod=mod"
    await build.run(
        *("go", "mod", "download"),
        cwd=project / at,
        writable=(project, cache),
        network=network_of(build),
        environment={**variables, "GOTOOLCHAIN": "local"},
    )
    return Recipe(variables={**variables, **offline})


def _check_go(build: Build) -> None:
    """Say which Go is asked for where this machine's is older; raise `PersonNeeded` where it will not read such a module."""
    wishes = [
        (version, path)
        for path in build.stack.manifests
        if PurePosixPath(path).name in {"go.mod", "go.work"}
        if (version := _go_directive((build.manifest(path) or b"").decode(errors="replace")))
    ]
    said = said_of_its_version("go", build.chain.path, "version") if wishes else ""
    found = re.search(r"\bgo(\d+(?:\.\d+)+)", said)
    if found is None:
        return
    here = found.group(1)
    asked, path = max(wishes, key=lambda wish: _numbers(wish[0]))
    if _numbers(asked)[:2] <= _numbers(here)[:2]:
        return
    told = f"needs Go {asked} ({path}), and this machine has {here}"
    # Since 1.21 a Go refuses what is for a newer one; before, it knew no third number and tried the rest.
    if _numbers(here) >= _GO_REFUSES_NEWER or len(_numbers(asked)) > 2:  # noqa: PLR2004 - major and minor
        raise failed(
            f"The repository {told}.", build.log, remedy="Install that Go where Changeline runs, first on PATH."
        )
    build.choose(EnvironmentSource.INTERPRETER, here, f"the repository {told}; tried with that")


def _go_directive(text: str) -> str:
    found = re.search(r"(?m)^go[ \t]+(\d+(?:\.\d+)*)", text)
    return found.group(1) if found else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


async def rust_recipe(build: Build) -> Recipe:
    """Fetch crates, unless none is declared. Build output goes to scratch space, never into the tree."""
    _choose_runner(build)
    home = build.directory("cargo")
    variables = {"CARGO_HOME": str(home), "CARGO_TARGET_DIR": "/tmp/target", "CARGO_NET_OFFLINE": "true"}  # noqa: S108 - inside
    manifests = [build.manifest(path) or b"" for path in build.stack.manifests if path.endswith("Cargo.toml")]
    if any(b"dependencies" in manifest for manifest in manifests) and not build.has(
        f"{build.stack.installed_at}/vendor"
    ):
        project = build.copy_tree("project")
        await build.run(
            *("cargo", "fetch"),
            cwd=project / build.stack.installed_at,
            writable=(project, home),
            network=network_of(build),
            environment={"CARGO_HOME": str(home)},
        )
    return Recipe(variables=variables)


def _choose_runner(build: Build) -> None:
    """Say which runner a repository that configures cargo-nextest is run with."""
    if not build.has(f"{build.stack.root}/{NEXTEST_CONFIGURATION}"):
        return
    search = ":".join(map(str, (*build.chain.path, "/usr/local/bin", "/usr/bin")))
    if shutil.which("cargo-nextest", path=search):
        build.choose(EnvironmentSource.RUNNER, "cargo nextest", f"{NEXTEST_CONFIGURATION} configures it")
    else:
        why = (
            f"{NEXTEST_CONFIGURATION} configures it, and this machine has no cargo-nextest: `cargo test` runs the tests"
        )
        build.choose(EnvironmentSource.RUNNER, "cargo nextest", why, taken=False)


async def java_recipe(build: Build) -> Recipe:
    """Resolve Maven's or Gradle's dependencies, unless none is declared."""
    home = build.directory("java")
    maven = build.stack.runner == "maven"
    variables = {"MAVEN_OPTS": f"-Dmaven.repo.local={home}"} if maven else {"GRADLE_USER_HOME": str(home)}
    manifests = [build.manifest(path) or b"" for path in build.stack.manifests]
    if not any(b"<dependency>" in text or b"dependencies" in text for text in manifests):
        return Recipe(variables={} if maven else variables)
    project = build.copy_tree("project")
    wrapper = "mvnw" if maven else "gradlew"
    at = build.stack.installed_at
    program = f"./{wrapper}" if build.has(f"{at}/{wrapper}") else ("mvn" if maven else "gradle")
    steps = (
        ("-B", f"-Dmaven.repo.local={home}", "dependency:go-offline")
        if maven
        else ("--no-daemon", "-g", str(home), "testClasses")
    )
    await build.run(program, *steps, cwd=project / at, writable=(project, home), network=network_of(build))
    return Recipe(variables=variables)


def network_of(build: Build) -> Network:
    """Return what a step that fetches may reach."""
    return Network.NONE if build.settings.offline else Network.REGISTRIES
