"""How environments of Node, Go, Rust and Java are built. A repository without dependencies needs no step at all.

Node's `node_modules` is built beside the manifests and mounted read-only into the tree when a command runs: ES modules
ignore `NODE_PATH`, and a symbolic link would be committed, because a `.gitignore` that says `node_modules/` does not match
links. Go, Rust and Java keep their caches in the environment and are told to stay offline.
"""

import json
from pathlib import Path

from pipeline.adapters.environments.build import Build, Recipe
from pipeline.ports import Network

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


async def node_recipe(build: Build) -> Recipe:
    """Install what the manifests list, by `npm ci` where there is a lock file."""
    if not _declares_packages(build):
        return Recipe()
    project = build.copy_manifests("project")
    locked = any(name in build.stack.manifests for name in ("package-lock.json", "npm-shrinkwrap.json"))
    command = ["ci"] if locked else ["install", "--no-package-lock"]
    scripts = [] if build.settings.install_scripts else ["--ignore-scripts"]
    offline = ["--offline"] if build.settings.offline else []
    variables = {"npm_config_cache": str(build.directory("tmp") / "npm"), "npm_config_update_notifier": "false"}
    await build.run(
        *("npm", *command, *scripts, *offline, "--no-audit", "--no-fund"),
        cwd=project,
        writable=(project,),
        network=_network(build),
        environment={**variables, **_certificates()},
    )
    return Recipe(path=("project/node_modules/.bin",), tree_mounts={"node_modules": "project/node_modules"})


async def go_recipe(build: Build) -> Recipe:
    """Download the module cache, unless modules are vendored or none is required."""
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOTELEMETRY": "off"}
    vendored = build.has("vendor/modules.txt")
    if vendored or b"require" not in (build.manifest("go.mod") or b""):
        return Recipe(variables=offline)
    project, cache = build.copy_manifests("project"), build.directory("gomod")
    variables = {"GOMODCACHE": str(cache), "GOFLAGS": "-mod=mod"}
    await build.run(
        *("go", "mod", "download"),
        cwd=project,
        writable=(project, cache),
        network=_network(build),
        environment={**variables, "GOTOOLCHAIN": "local"},
    )
    return Recipe(variables={**variables, **offline})


async def rust_recipe(build: Build) -> Recipe:
    """Fetch crates, unless none is declared. Build output goes to scratch space, never into the tree."""
    home = build.directory("cargo")
    variables = {"CARGO_HOME": str(home), "CARGO_TARGET_DIR": "/tmp/target", "CARGO_NET_OFFLINE": "true"}  # noqa: S108 - inside
    manifests = [build.manifest(path) or b"" for path in build.stack.manifests if path.endswith("Cargo.toml")]
    if any(b"dependencies" in manifest for manifest in manifests) and not build.has("vendor"):
        project = build.copy_tree("project")
        await build.run(
            *("cargo", "fetch"),
            cwd=project,
            writable=(project, home),
            network=_network(build),
            environment={"CARGO_HOME": str(home)},
        )
    return Recipe(variables=variables)


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
    program = f"./{wrapper}" if build.has(wrapper) else ("mvn" if maven else "gradle")
    steps = (
        ("-B", f"-Dmaven.repo.local={home}", "dependency:go-offline")
        if maven
        else ("--no-daemon", "-g", str(home), "testClasses")
    )
    await build.run(program, *steps, cwd=project, writable=(project, home), network=_network(build))
    return Recipe(variables=variables)


def _certificates() -> dict[str, str]:
    """Node brings its own authorities; an operator's mirror may be known to the system only."""
    return {"NODE_EXTRA_CA_CERTS": str(_CERTIFICATES)} if _CERTIFICATES.exists() else {}


def _network(build: Build) -> Network:
    return Network.NONE if build.settings.offline else Network.REGISTRIES


def _declares_packages(build: Build) -> bool:
    for path in build.stack.manifests:
        if not path.endswith("package.json"):
            continue
        try:
            package = json.loads(build.manifest(path) or b"{}")
        except ValueError:
            continue
        if isinstance(package, dict) and any(
            package.get(key) for key in ("dependencies", "devDependencies", "workspaces")
        ):
            return True
    return False
