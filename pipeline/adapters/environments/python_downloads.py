"""Pythons that uv fetches for repositories, where the operator allows it, and what is said where there is none.

They lie beside the environments, shared by all of them and shown read-only; uv fetches them in a sandbox of their own, which
no repository's code ever enters.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import uv

from pipeline.adapters.environments.build import failed, first_error
from pipeline.adapters.environments.interpreters import Interpreter, WantedPython, own_interpreter
from pipeline.adapters.environments.package_indexes import package_indexes
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.machine import tree_walk
from pipeline.ports import Network, Sandbox, SandboxCommand
from pipeline.settings.process import EnvironmentSettings

_PLACE = "pythons"
_NEWEST_MINOR = 14
_OLDEST_MINOR = 8
_OUTPUT_MAX_BYTES = 20_000


def downloaded(directory: Path) -> tuple[Interpreter, ...]:
    """Return what was fetched before; the directories name their versions. Blocks."""
    found = []
    for place in sorted((directory / _PLACE).glob("cpython-3.*")):
        version = re.match(r"cpython-(\d+\.\d+\.\d+)-", place.name)
        executable = place / "bin" / f"python{'.'.join(version[1].split('.')[:2])}" if version else place
        if version and executable.exists() and not place.is_symlink():
            found.append(Interpreter(executable=executable, version=version[1]))
    return tuple(found)


async def download(
    wanted: WantedPython,
    sandbox: Sandbox,
    directory: Path,
    settings: EnvironmentSettings,
    pip_configs: tuple[Path, ...],
) -> None:
    """Fetch a Python that is asked for. Raises `PersonNeeded(environment_failed)` when that fails."""
    version = _version_to_fetch(wanted)
    if version is None:
        return
    place, executable = directory / _PLACE, Path(uv.find_uv_bin())
    scratch = place / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    mirror = {"UV_PYTHON_INSTALL_MIRROR": settings.python_mirror} if settings.python_mirror else {}
    certificates = package_indexes(settings, pip_configs).variables.get("SSL_CERT_FILE")
    result = await sandbox.run(
        SandboxCommand(
            argv=(str(executable), "python", "install", "--no-config", "--no-bin", "--install-dir", str(place), version),
            cwd=place,
            writable=(place,),
            read_only=(executable,),
            environment={
                "TMPDIR": str(scratch), "UV_CACHE_DIR": str(scratch / "cache"), "UV_SYSTEM_CERTS": "1", "UV_NO_PROGRESS": "1",
                **({"SSL_CERT_FILE": certificates} if certificates else {}), **mirror,
            },
            network=Network.REGISTRIES,
            timeout_s=settings.build_timeout_s,
            output_max_bytes=_OUTPUT_MAX_BYTES,
        )
    )  # fmt: skip
    tree_walk.discard(scratch)
    if result.exit_code != 0:
        raise failed(
            f"The repository needs Python {wanted.said}, and {version} cannot be fetched: {first_error(result)}",
            result.output,
            remedy="Install it where Changeline runs, or let CHANGELINE_ENVIRONMENT__REGISTRIES list the hosts that it comes from.",
        )


def lacking(wanted: WantedPython, others: Sequence[Interpreter]) -> PersonNeeded:
    """Return the error for a Python that is not there."""
    found = ", ".join(sorted({one.version for one in (own_interpreter(), *others)}, key=_numbers))
    return PersonNeeded(
        PauseReason.ENVIRONMENT_FAILED,
        f"The repository needs Python {wanted.said}, found {found}; install it or allow downloads.",
        remedy="Install that Python where Changeline runs, or set CHANGELINE_ENVIRONMENT__PYTHON_DOWNLOADS=true.",
    )


def _version_to_fetch(wanted: WantedPython) -> str | None:
    """Return a pinned version, else the newest minor one that is allowed."""
    if wanted.pinned:
        return wanted.pinned[0]
    for minor in range(_NEWEST_MINOR, _OLDEST_MINOR - 1, -1):
        if wanted.allows(Interpreter(executable=Path("/"), version=f"3.{minor}.99")):
            return f"3.{minor}"
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
