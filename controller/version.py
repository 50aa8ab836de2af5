"""The version of the running program, as the installed distribution states it."""

from importlib import metadata

UNKNOWN = "0+checkout"


def program_version() -> str:
    """Return the installed version, or `UNKNOWN` when the program runs from a checkout that was never installed."""
    try:
        return metadata.version("changeline")
    except metadata.PackageNotFoundError:
        return UNKNOWN
