"""A real browser on a real controller. Every page that a test looks at also passes axe and stays within the screen.

`pytest tests/control_room --screenshots docs/images` keeps what the tests saw as the pictures of docs/control-room.md.
"""

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

from controller.static import packaged_dashboard
from tests.acceptance.conftest import changeline, place, sample
from tests.controller.conftest import controller, database, lent, start, store, token_of

__all__ = ["changeline", "controller", "database", "lent", "place", "sample", "start", "store", "token_of"]
"""Fixtures of the neighbouring suites that the tests here use too."""

ROOT = Path(__file__).parents[2]
AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
PATIENT_MS = 30_000
"""How long a page may take on a busy machine; what holds is seen at once."""
DESKTOP, PHONE = ViewportSize(width=1360, height=900), ViewportSize(width=390, height=844)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", default=None, help="keep the pictures of the control room in this directory")


@dataclass
class Room:
    """A browser whose pages fail their test when they complain, for example about the content security policy."""

    browser: Browser
    pictures: Path | None
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def person(
        self,
        url: str,
        code: dict[str, Any],
        *,
        size: ViewportSize = DESKTOP,
        scheme: Literal["dark", "light"] = "light",
    ) -> Page:
        """Sign a person in, in a browser of their own."""
        context = self.browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text) if _is_complaint(message) else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(url + code["path"])
        return page

    def look(self, page: Page, name: str) -> None:
        """Check a page as it stands: axe finds nothing, nothing is wider than the screen. Keep its picture."""
        if self.pictures is not None:
            page.screenshot(path=self.pictures / f"{name}.png")
        page.evaluate(AXE.read_text())
        found = page.evaluate("tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", RULES)[
            "violations"
        ]
        assert [(name, one["id"], one["nodes"][0]["html"]) for one in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the screen"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module: its driver holds an event loop, which must not outlive tests without one."""
    if not BROWSER:
        pytest.skip("no chromium on this machine")
    if not (packaged_dashboard() / "index.html").is_file() or not AXE.is_file():
        pytest.skip("`make dashboard` was not run")
    driver = subprocess.run([sys.executable, "-m", "playwright", "--version"], capture_output=True, check=False)
    if driver.returncode != 0:
        pytest.skip(f"the browser's driver does not start here: {driver.stderr.decode()[-200:]}")
    expect.set_options(timeout=PATIENT_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=BROWSER, args=QUIET)
        yield launched
        launched.close()


@pytest.fixture
def room(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Room]:
    """The browser for one test, whose people have contexts of their own."""
    kept = request.config.getoption("--screenshots", default=None)
    opened = Room(browser, Path(kept) if kept else None)
    yield opened
    for context in opened.contexts:
        context.close()
    assert opened.complaints == []


def login(url: str, place: Path) -> dict[str, Any]:
    """Ask for the one-time code that signs a browser in."""
    return ask(url, place, "login-codes", {})


def ask(url: str, place: Path, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Post to the installation whose data directory is below `place`, with its own token."""
    token = (place / "data" / "token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(  # noqa: S310 - the address of the test's own controller
        f"{url}/api/v1/{path}", method="POST", headers=headers, data=json.dumps(body).encode()
    )
    with urllib.request.urlopen(asked) as answer:  # noqa: S310 - as above
        found: dict[str, Any] = json.load(answer)
    return found


def _is_complaint(message: ConsoleMessage) -> bool:
    # The browser also reports answers such as 401, and connections that a restart cuts; both are the page's own business.
    return message.type == "error" and not message.text.startswith("Failed to load resource")
