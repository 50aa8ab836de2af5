"""Signing in and out. Tokens never stand in URLs beyond the one use of a one-time link."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from controller.auth import service
from controller.auth.principals import COOKIE, Shown, Viewer, known_principal
from controller.auth.schemas import LoginCode, Me, me_of
from controller.binding import public_scheme
from controller.context import Context
from controller.text import Searched
from pipeline.access import Principal

router = APIRouter(tags=["auth"])


@router.get("/login", status_code=303, response_class=RedirectResponse)
async def login(context: Context, code: Annotated[Searched, Query(max_length=200)]) -> RedirectResponse:
    """Open a session by a one-time code: sets the session cookie and leads to the control room."""
    session = await service.open_session(context, code)
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(
        COOKIE, session, max_age=int(service.SESSION_LASTS.total_seconds()), path="/", httponly=True, samesite="strict",
        secure=public_scheme(context.settings.controller) == "https",
    )  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    return response


@router.post("/api/v1/login-codes", status_code=201)
async def create_login_code(context: Context, principal: Viewer, shown: Shown, response: Response) -> LoginCode:
    """Make a one-time code for a browser of the same principal; code and session end with the token that was shown."""
    code = await service.new_login_code(context.database, principal, shown.token)
    response.headers["Cache-Control"] = "no-store"
    return LoginCode(code=code, path=f"/login?code={code}", expires_in_s=int(service.CODE_LASTS.total_seconds()))


@router.post("/api/v1/logout", status_code=204)
async def logout(
    request: Request, context: Context, _principal: Annotated[Principal, Depends(known_principal)]
) -> Response:
    """End the session of this browser."""
    await service.close_session(context, request.cookies.get(COOKIE, ""))
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


@router.get("/api/v1/me")
async def me(context: Context, principal: Viewer) -> Me:
    """Return who is signed in, and what they may do."""
    return me_of(principal, scripted=context.settings.scenario is not None)
