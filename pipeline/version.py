"""The version of this code, from its own distribution's metadata, or the checkout's when it is not installed."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

CHECKOUT = "0.1.0"


def version() -> str:
    """Return the version of the running code."""
    try:
        return installed_version("changeline")
    except PackageNotFoundError:
        return CHECKOUT
