"""From what a person typed to a change request."""

from typing import Any
from urllib.parse import quote

from cli.client import Client
from cli.following import path_of
from pipeline.errors import CallerError

LATEST = "latest"


def change_request(client: Client, named: str) -> dict[str, Any]:
    """Return a change request in full; `latest` is the newest one."""
    detail: dict[str, Any] = client.get(path_of(identify(client, named)))
    return detail


def identify(client: Client, named: str) -> str:
    """Return the id of a change request, ready for an address."""
    if named != LATEST:
        return quote(named, safe="")
    newest = client.get("/api/v1/change-requests", limit=1)["items"]
    if not newest:
        raise CallerError("There is no change request so far.", field="CR", remedy="Submit one with `changeline run`.")
    return str(newest[0]["id"])
