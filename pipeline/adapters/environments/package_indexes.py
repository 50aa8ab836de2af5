"""Which indexes and wheel directories a Python build may use, as variables for uv and what uv is started by.

Problem: operators configure mirrors for pip, and those configurations often hold credentials, which must not enter a
sandbox. Choice: pip's configuration files are read here, outside; four harmless keys become variables, which tools that
start uv themselves pass on; local paths become read-only mounts, and an address with credentials stops the build instead of
leaking. Several indexes count as one, as they do for pip.
"""

import configparser
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.adapters.environments.build import failed
from pipeline.settings.process import EnvironmentSettings

_INDEXES = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_EXTRA_INDEX_URL"}
_WHEELS = "UV_FIND_LINKS"
_OTHERS = {"find-links": _WHEELS, "cert": "SSL_CERT_FILE"}
_SECTIONS = ("global", "install")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageIndexes:
    """What uv is told about where packages come from, and the paths that it has to see for that."""

    variables: Mapping[str, str]
    shown: tuple[Path, ...]


def system_pip_configs() -> tuple[Path, ...]:
    """Return where pip reads the machine's and the user's configuration, later ones stronger."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises for a user without one
    return (Path("/etc/pip.conf"), home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf")


def package_indexes(settings: EnvironmentSettings, configs: tuple[Path, ...]) -> PackageIndexes:
    """Return where packages come from. Raises `PersonNeeded(environment_failed)` for addresses with credentials."""
    given: dict[str, list[str]] = {}
    shown: list[Path] = []
    if settings.find_links is not None:
        wheels = settings.find_links.resolve()
        given[_WHEELS] = [str(wheels)]
        shown.append(wheels)
    if settings.offline:
        return PackageIndexes(variables={**_joined(given), "UV_OFFLINE": "1"}, shown=tuple(shown))
    for key, value in _configured(configs).items():
        for one in [value] if key == "cert" else value.split():
            path = _checked(key, one)
            if path is not None and path.exists():
                shown.append(path.parent if key in _INDEXES and path.name == "simple" else path)
            given.setdefault({**_INDEXES, **_OTHERS}[key], []).append(one)
    return PackageIndexes(variables=_joined(given), shown=tuple(dict.fromkeys(path.resolve() for path in shown)))


def _joined(given: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: ("," if name == _WHEELS else " ").join(values) for name, values in given.items()}


def _configured(configs: tuple[Path, ...]) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    parser.read([path for path in configs if os.access(path, os.R_OK)])
    found = {}
    for section in _SECTIONS:
        if parser.has_section(section):
            found.update({key: value for key, value in parser.items(section) if key in _keys()})
    return found


def _keys() -> Iterator[str]:
    yield from (*_INDEXES, *_OTHERS)


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
