"""The system's own Chromium, driven by Playwright; the one says what is missing if either is not there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync")  # fmt: skip


class NoBrowser(Exception):
    """There is no browser to measure in; the message says what is missing."""


@contextmanager
def browser() -> Iterator["Browser"]:
    """Start a browser without a window. Raises `NoBrowser`."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        raise NoBrowser("no browser here; `make browser` installs Chromium where it may")
    try:
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 - a development dependency
    except ImportError as missing:
        raise NoBrowser("Playwright is not installed; `make bench` in a checkout installs it") from missing
    with sync_playwright() as driver:
        try:
            opened = driver.chromium.launch(executable_path=program, args=_QUIET)
        except Error as refused:
            raise NoBrowser(f"the browser does not start: {str(refused).splitlines()[0]}") from refused
        yield opened
        opened.close()
