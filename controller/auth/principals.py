"""Every route names the role it needs; this module finds out who asks.

A bearer token wins over a cookie. A cookie alone changes nothing unless the request's Origin is this very site (scheme,
host and port), so a foreign page cannot make a signed-in browser act (CSRF), and SameSite=Strict is not the only lock.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.datastructures import Headers

from controller.authority import authority, origin, origin_of
from controller.binding import public_scheme
from controller.context import Context
from pipeline.access import NotAuthenticated, Principal, Role, TokenPurpose, tenant_of
from pipeline.errors import Forbidden
from pipeline.store.principals import Principals

COOKIE = "changeline_session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(auto_error=False, description="A token of the form cl_<tenant>_<random>.")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="Set by the one-time link.")


@dataclass(frozen=True, slots=True)
class Credential:
    """What somebody showed, before anybody looked whether it is any good."""

    token: str = field(repr=False)
    purpose: TokenPurpose


async def shown_credential(
    request: Request,
    context: Context,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    session: Annotated[str | None, Security(_cookie)],
) -> Credential:
    """Return what was shown, or raise `NotAuthenticated` where nothing was."""
    if bearer is not None:
        return Credential(bearer.credentials, TokenPurpose.API)
    if "authorization" in request.headers:
        raise NotAuthenticated("Only bearer tokens are accepted.", field="Authorization", remedy="Send a bearer token.")
    if session is None:
        raise NotAuthenticated(
            "Nobody is signed in.", remedy="Send a bearer token, or open the one-time link that was printed."
        )
    if request.method not in _SAFE:
        _refuse_foreign_origin(request.headers, public_scheme(context.settings.controller))
    return Credential(session, TokenPurpose.SESSION)


Shown = Annotated[Credential, Depends(shown_credential)]


async def known_principal(context: Context, shown: Shown) -> Principal:
    """Return who asks, looked up in the tenant that the token names, or raise `NotAuthenticated`."""
    async with context.database.transaction(tenant_of(shown.token)) as connection:
        return await Principals(connection).by_token(shown.token, shown.purpose)


def needs(role: Role) -> Callable[[Principal], Awaitable[Principal]]:
    """Return a dependency that lets in principals who may act in `role`."""

    async def check(principal: Annotated[Principal, Depends(known_principal)]) -> Principal:
        if not principal.may(role):
            raise Forbidden(
                f"This needs the role {role}.", remedy="Ask an admin of your tenant.",
                roles=sorted(held.value for held in principal.roles),
            )  # fmt: skip
        return principal

    return check


Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Operator = Annotated[Principal, Depends(needs(Role.OPERATOR))]
Approver = Annotated[Principal, Depends(needs(Role.APPROVER))]
Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]


def _refuse_foreign_origin(headers: Headers, scheme: str) -> None:
    """Raise `Forbidden` unless a browser says that a page of this very site asks. A Referer is no substitute."""
    ours, theirs = authority(headers.get("host", "")), headers.getlist("origin")
    same_site = headers.get("sec-fetch-site", "same-origin") == "same-origin"
    if ours is not None and len(theirs) == 1 and same_site and origin(theirs[0]) == origin_of(scheme, ours):
        return
    raise Forbidden(
        "A signed-in browser may only act from this site's own pages.", field="Origin",
        remedy="Use the control room itself, by the address it is meant to have, or a bearer token.",
    )  # fmt: skip
