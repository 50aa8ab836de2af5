"""One table from error class to HTTP status, and one shape for every error: problem details (RFC 9457).

Problem: half of an API's errors come from the framework (404, 405, 413, 422, 500) and look unlike the product's own.
Choice: every way an error can leave the application is handled here, and the product's error classes know nothing of
HTTP. Invariant: a problem carries the facts of the error and never a traceback, an input value or a secret.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from controller.outages import Outages
from controller.problems import Problem
from pipeline.access import NotAuthenticated
from pipeline.change_request import IllegalMove
from pipeline.errors import (
    CallerError,
    ChangelineError,
    Conflict,
    Forbidden,
    InvariantBroken,
    LeaseLost,
    ModelError,
    NotFound,
    PersonNeeded,
    TransientError,
    misfits,
)

MEDIA_TYPE = "application/problem+json"


class TooLarge(CallerError):
    """More than this controller reads, or than the settings allow."""


class Malformed(CallerError):
    """The request cannot be read at all."""


class NotThereYet(CallerError):
    """The thing belongs to something that exists, but was not made so far."""


class NoLongerThere(CallerError):
    """The thing is known, but what it consisted of is not kept any more."""


class WrongHost(CallerError):
    """The request names a host that this controller does not answer for."""


class PreconditionMissing(CallerError):
    """A change that must name the version it was made from does not."""


STATUS_OF: Mapping[type[Exception], HTTPStatus] = {
    NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    NotThereYet: HTTPStatus.NOT_FOUND,
    NoLongerThere: HTTPStatus.GONE,
    Conflict: HTTPStatus.CONFLICT,
    PersonNeeded: HTTPStatus.CONFLICT,
    IllegalMove: HTTPStatus.CONFLICT,
    LeaseLost: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Malformed: HTTPStatus.BAD_REQUEST,
    WrongHost: HTTPStatus.MISDIRECTED_REQUEST,
    PreconditionMissing: HTTPStatus.PRECONDITION_REQUIRED,
    CallerError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ModelError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TransientError: HTTPStatus.SERVICE_UNAVAILABLE,
    InvariantBroken: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Looked up along the error's class hierarchy; whatever is not here is a 500."""

_REMEDIES: Mapping[int, str] = {
    400: "Send valid UTF-8 encoded JSON.",
    404: "See /api/openapi.json for what exists.",
    405: "See /api/openapi.json for the methods of this address.",
    413: "Send a smaller request.",
    500: "Look into the controller's log; the reference in `facts` is written there.",
}

_log = structlog.get_logger(__name__)


def status_of(error: Exception) -> HTTPStatus:
    """Return the status of an error by its nearest listed class."""
    for cls in type(error).__mro__:
        if cls in STATUS_OF:
            return STATUS_OF[cls]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem_of(error: Exception) -> Problem:
    """Word an error of the product as problem details."""
    status = status_of(error)
    return Problem(
        type=_urn(type(error).__name__),
        title=status.phrase,
        status=status.value,
        detail=error.message if isinstance(error, ChangelineError) else str(error),
        field=error.field if isinstance(error, CallerError) else None,
        remedy=error.remedy if isinstance(error, CallerError) else None,
        facts=dict(error.facts) if isinstance(error, ChangelineError) else {},
    )


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return a problem as a response."""
    content = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    app.state.outages = Outages()
    app.add_exception_handler(ChangelineError, _product_error)
    app.add_exception_handler(IllegalMove, _product_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _framework_error)
    app.add_exception_handler(Exception, _bug)


async def _product_error(request: Request, error: Exception) -> JSONResponse:
    problem = problem_of(error)
    headers: dict[str, str] = {}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="changeline"'
    if isinstance(error, TransientError):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s or 1)))
        outages: Outages = request.app.state.outages
        outages.note_failure(error, by=f"{request.method} {request.url.path}")
    elif problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request_failed", path=request.url.path, exc_info=error)
    return respond(problem, headers)


async def _invalid_request(_request: Request, error: Exception) -> JSONResponse:
    found = misfits(error.errors()) if isinstance(error, RequestValidationError) else []
    if any(one.type == "json_invalid" for one in found):
        return respond(problem_of(Malformed("The body is not JSON.", field="body", remedy=_REMEDIES[400])))
    fields = [_field(one.loc) for one in found]
    said = found[0].msg.removeprefix("Value error, ") if found else "The request is invalid."
    field = fields[0] if fields else None
    detail = f"{field}: {said}." if field else said
    facts = {"fields": fields} if len(fields) > 1 else {}
    invalid = CallerError(detail, field=field, remedy="Correct this field; nothing was stored.", **facts)
    return respond(problem_of(invalid))


async def _framework_error(request: Request, error: Exception) -> JSONResponse:
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    headers = error.headers if isinstance(error, HTTPException) else None
    details = {
        HTTPStatus.BAD_REQUEST: "The body cannot be read as JSON.",
        HTTPStatus.NOT_FOUND: f"There is nothing at {request.url.path}.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible at {request.url.path}.",
    }
    problem = Problem(
        type=_urn(status.name), title=status.phrase, status=status.value,
        detail=details.get(status, status.description or status.phrase), remedy=_REMEDIES.get(status.value),
    )  # fmt: skip
    return respond(problem, headers)


async def _bug(request: Request, error: Exception) -> JSONResponse:
    reference = request.scope.get("changeline.request_id", "")
    _log.error("request_crashed", path=request.url.path, reference=reference, exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    problem = Problem(
        type=_urn("InternalError"), title=status.phrase, status=status.value,
        detail="The controller made a mistake; this is a bug of Changeline.", remedy=_REMEDIES[500],
        facts={"reference": reference},
    )  # fmt: skip
    return respond(problem)


def _field(location: Sequence[int | str]) -> str:
    parts = [str(part) for part in location]
    if len(parts) > 1 and parts[0] in {"body", "query", "path", "header"}:
        parts = parts[1:]
    return ".".join(
        part for part in parts if not re.fullmatch(r"[A-Z]\w*|function-.*|(constrained-)?str|tagged-union.*", part)
    )


def _urn(name: str) -> str:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return "urn:changeline:problem:" + "-".join(word.lower() for word in words)
