"""What signing in says."""

from pydantic import BaseModel

from pipeline.access import Principal, Role


class Me(BaseModel):
    """Who is signed in."""

    id: str
    name: str
    tenant: str
    roles: list[Role]
    scripted: bool
    """Whether canned answers stand in for a model on this controller."""


class LoginCode(BaseModel):
    """A one-time way in for a browser: open `path` on this controller within `expires_in_s`."""

    code: str
    path: str
    expires_in_s: int


def me_of(principal: Principal, *, scripted: bool) -> Me:
    """Return a principal as the API shows it."""
    roles = sorted(principal.roles, key=lambda role: role.rank)
    return Me(id=principal.id, name=principal.name, tenant=principal.tenant, roles=roles, scripted=scripted)
