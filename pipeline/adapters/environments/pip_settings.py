"""Which indexes and wheel directories a Python build may use, as pip arguments.

Problem: operators configure mirrors for pip, and those configurations often hold credentials, which must not enter a
sandbox. Choice: pip's configuration files are read here, outside; four harmless keys are passed on the command line,
local paths become read-only mounts, and an address with credentials stops the build instead of leaking.
"""

import configparser
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.adapters.environments.build import failed
from pipeline.settings.process import EnvironmentSettings

_INDEXES = {"index-url": "--index-url", "extra-index-url": "--extra-index-url"}
_SECTIONS = ("global", "install")


def system_pip_configs() -> tuple[Path, ...]:
    """Return where pip reads the machine's and the user's configuration, later ones stronger."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises for a user without one
    return (Path("/etc/pip.conf"), home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf")


def pip_arguments(settings: EnvironmentSettings, configs: tuple[Path, ...]) -> tuple[list[str], tuple[Path, ...]]:
    """Return arguments for `pip install` and the paths to show read-only. Raises `PersonNeeded(environment_failed)`."""
    arguments: list[str] = []
    shown: list[Path] = []
    if settings.find_links is not None:
        wheels = settings.find_links.resolve()
        arguments += ["--find-links", str(wheels)]
        shown.append(wheels)
    if settings.offline:
        return [*arguments, "--no-index"], tuple(shown)
    for key, value in _configured(configs).items():
        values = [value] if key == "cert" else value.split()
        for one in values:
            path = _checked(key, one)
            if path is not None and path.exists():
                shown.append(path.parent if key in _INDEXES and path.name == "simple" else path)
            arguments += [_INDEXES.get(key, f"--{key}"), one]
    return arguments, tuple(dict.fromkeys(path.resolve() for path in shown))


def _configured(configs: tuple[Path, ...]) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    parser.read([path for path in configs if os.access(path, os.R_OK)])
    found = {}
    for section in _SECTIONS:
        if parser.has_section(section):
            found.update({key: value for key, value in parser.items(section) if key in _keys()})
    return found


def _keys() -> Iterator[str]:
    yield from (*_INDEXES, "find-links", "cert")


def _checked(key: str, value: str) -> Path | None:
    """Return the local path that a value names, None for an address."""
    address = urlsplit(value)
    if "@" in address.netloc:
        raise failed(
            f"pip's configuration gives credentials in {key}; builds run without secrets.",
            "",
            remedy="Use an index without credentials, or CHANGELINE_ENVIRONMENT__FIND_LINKS with a directory of wheels.",
        )
    if address.scheme in ("", "file"):
        return Path(unquote(address.path))
    return None
