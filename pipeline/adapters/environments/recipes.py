"""How environments of Go, Rust and Java are built. A repository without dependencies needs no step at all.

Their caches are kept in the environment, and the tools are told to stay offline.
"""

from pipeline.adapters.environments.build import Build, Recipe
from pipeline.ports import Network


async def go_recipe(build: Build) -> Recipe:
    """Download the module cache, unless modules are vendored or none is required."""
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


async def rust_recipe(build: Build) -> Recipe:
    """Fetch crates, unless none is declared. Build output goes to scratch space, never into the tree."""
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
