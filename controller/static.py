"""The dashboard's files, or a plain page that says how to build them.

Paths of the single-page application have no file behind them and get the index; hashed assets never change and are cached
for ever; a content security policy without inline scripts makes an injected text just a text.
"""

import errno
from pathlib import Path, PurePosixPath

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_FOR_EVER = "public, max-age=31536000, immutable"
_SERVED_ELSEWHERE = ("api", "healthz", "readyz", "metrics", "login")

NOT_BUILT = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Changeline</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}</style></head>
<body>
<h1>Changeline is running</h1>
<p>The control room was not built into this installation. Everything it shows is available from the command line
(<code>changeline list</code>, <code>changeline watch</code>) and from the <a href="/api/openapi.json">HTTP API</a>.</p>
<p>In a checkout, build it with <code>make dashboard</code> and start Changeline again.</p>
</body>
</html>
"""


def packaged_dashboard() -> Path:
    """Return where the wheel carries the built dashboard."""
    return Path(__file__).parent / "_dashboard"


def static_routes(directory: Path) -> APIRouter:
    """Serve the dashboard from a directory; must be included last, because it answers every remaining path."""
    root = directory.resolve()
    router = APIRouter(include_in_schema=False)

    @router.get("/{path:path}")
    def dashboard(request: Request, path: str) -> Response:
        if path.split("/", 1)[0] in _SERVED_ELSEWHERE:
            raise HTTPException(404)
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        index = root / "index.html"
        if not index.is_file():
            if path:
                raise HTTPException(404)
            return HTMLResponse(NOT_BUILT, headers=headers)
        if path and (found := _file(root, path)) is not None:
            cached = {"Cache-Control": _FOR_EVER} if path.startswith("assets/") else {}
            return FileResponse(found, headers={**headers, **cached})
        wants_page = "text/html" in request.headers.get("accept", "") or not path
        if PurePosixPath(path).suffix or not wants_page:
            raise HTTPException(404)
        return FileResponse(index, headers=headers)

    return router


def _file(root: Path, path: str) -> Path | None:
    """Return the file of an address below the root; None where there is none, or no file can be called that."""
    found = (root / path).resolve()
    try:
        return found if found.is_relative_to(root) and found.is_file() else None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None
        raise
