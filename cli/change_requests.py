"""From what a person typed to a change request."""

from urllib.parse import quote

from cli.client import Client
from controller.change_requests.schemas import ChangeRequestDetail, ChangeRequestPage
from pipeline.errors import CallerError

LATEST = "latest"


def path_of(cr_id: str) -> str:
    """Return the address of a change request."""
    return f"/api/v1/change-requests/{cr_id}"


def change_request(client: Client, named: str) -> ChangeRequestDetail:
    """Return a change request in full; `latest` is the newest one."""
    return client.get(path_of(identify(client, named)), ChangeRequestDetail)


def identify(client: Client, named: str) -> str:
    """Return the id of a change request, ready for an address."""
    if named != LATEST:
        return quote(named, safe="")
    newest = client.get("/api/v1/change-requests", ChangeRequestPage, limit=1).items
    if not newest:
        raise CallerError("There is no change request so far.", field="CR", remedy="Submit one with `changeline run`.")
    return newest[0].id
