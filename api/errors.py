"""Errors on the wire: one table from our classes to HTTP, one body that serves RFC 9457 and the OpenAI SDK alike."""

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus

import orjson
import psycopg
import sqlalchemy.exc
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect

from api.middleware import changes
from vision import errors
from vision.errors import Detail, Retry, TesseraError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
PROBLEM = "urn:tessera:errors:"
"""RFC 9457 wants a URI as the type; codes are explained in docs/reference/errors.md."""

STATUS: dict[type[TesseraError], int] = {
    errors.InvalidRequest: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Throttled: 429,
    errors.RequestError: 400,
    TesseraError: 500,
}

STATUS_BY_CODE = {
    "request_timeout": 408,
    "unsupported_media_type": 415,
    "idempotency_key_reused": 422,
}
"""Where a convention asks for a status that is not its class's."""

TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}
"""OpenAI's `error.type`; other statuses below 500 are `invalid_request_error`, above `server_error`."""

AWAY = (
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
RETRY_AFTER_SECONDS, THROTTLED_SECONDS = 2, 60


def install(app: FastAPI) -> None:
    """Have every error of the application answered in this shape."""
    app.add_exception_handler(TesseraError, _tessera_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(sqlalchemy.exc.DataError, _data_error)
    for kind in AWAY:
        app.add_exception_handler(kind, _away)
    app.add_exception_handler(RedisError, _limiter_away)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)


def answer_outside(app: FastAPI) -> None:
    """Have errors of the middleware added before this answered as well; call it after `install`."""
    handlers = {kind: handler for kind, handler in app.exception_handlers.items() if kind is not Exception}
    app.add_middleware(ExceptionMiddleware, handlers=handlers)


def status_of(error: TesseraError) -> int:
    """The HTTP status of one of our errors: by its code, else by the nearest class."""
    if error.code in STATUS_BY_CODE:
        return STATUS_BY_CODE[error.code]
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def response(
    request: Request,
    status: int,
    code: str,
    message: str,
    *,
    param: str | None = None,
    details: Iterable[Detail] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer to a request that came to nothing."""
    request_id = request.scope.get("state", {}).get("request_id", "")
    body = problem(status, code, message, param) | {"instance": request.url.path, "request_id": request_id}
    if problems := [_problem(detail) for detail in details]:
        body["errors"] = problems
    return Response(
        orjson.dumps(body),
        status,
        {"x-request-id": request_id, **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def problem(status: int, code: str, message: str, param: str | None = None) -> dict[str, object]:
    """An error body with the members of RFC 9457 and OpenAI's `error`."""
    return {
        "type": PROBLEM + code,
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": message,
        "error": {"message": message, "type": _type(status), "param": param, "code": code},
    }


def _type(status: int) -> str:
    return TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")


def _problem(detail: Detail) -> dict[str, object]:
    members = {"line": detail.line, "param": detail.param, "code": detail.code, "message": detail.message}
    return {name: value for name, value in members.items() if value is not None}


async def _tessera_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, TesseraError)  # noqa: S101 - the handler is installed for this class
    status, message = status_of(error), error.message
    headers: dict[str, str] = {}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status == 409:
        # The OpenAI SDK repeats a 409 unless it is told not to.
        headers |= {"x-should-retry": "false"} if error.retry is Retry.NEVER else {"retry-after": "1"}
    if status == 429:
        headers |= {"retry-after": str(THROTTLED_SECONDS), "x-should-retry": "false"}
    if status >= 500:
        log.error("Request failed.", exc_info=error)
        message = TesseraError().message
    return response(request, status, error.code, message, param=error.param, details=error.details, headers=headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - see above
    details = [_field_problem(each) for each in error.errors()]
    first = details[0]
    return response(request, 400, first.code, first.message, param=first.param, details=details[1:] and details)


FIELD_CODES = {"missing": "missing_field", "extra_forbidden": "unknown_field", "json_invalid": "invalid_json"}
LOCATIONS = ("body", "query", "path", "header")


def _field_problem(problem: ErrorDetails) -> Detail:
    place = [str(part) for part in problem["loc"]]
    field = ".".join(place[1:] if place and place[0] in LOCATIONS else place) or None
    code = FIELD_CODES.get(problem["type"], "invalid_request")
    if code == "unknown_field":
        return Detail(code, f"There is no field {field!r} here.", param=field)
    message = str(problem["msg"]).rstrip(".")
    names_its_place = problem["type"] == "unfit"
    return Detail(code, f"{field}: {message}." if field and not names_its_place else f"{message}.", param=field)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - see above
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "_").replace("-", "_")
    return response(request, error.status_code, code, f"{error.detail}.".replace("..", "."), headers=error.headers)


async def _data_error(request: Request, error: Exception) -> Response:
    log.info("A value could not be stored: %s", type(error).__name__)
    return response(
        request, 400, "invalid_request", "A value is out of range, or holds a NUL character, and cannot be stored."
    )


async def _limiter_away(request: Request, error: Exception) -> Response:
    log.warning("Redis cannot be reached (%s).", type(error).__name__)
    message = "Redis cannot be reached at the moment; nothing was changed. Try again."
    return response(request, 503, "redis_unavailable", message, headers={"retry-after": str(RETRY_AFTER_SECONDS)})


async def _away(request: Request, error: Exception) -> Response:
    log.warning("The database did not answer: %s", type(error).__name__)
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)}
    if not changes.are_possible():
        message = "The database cannot be reached at the moment. Nothing was changed; try again."
        return response(request, 503, "database_unavailable", message, headers=headers)
    repeatable = request.scope.get("state", {}).get("repeatable", False)
    way = "Send it again with the same Idempotency-Key" if repeatable else "Look, before you send it again"
    message = f"The database went away while the change was made: it may have been made, or not. {way}."
    # The OpenAI SDK repeats a 503 unless it is told not to; without a key that could make a second job.
    headers |= {} if repeatable else {"x-should-retry": "false"}
    return response(request, 503, "outcome_unknown", message, headers=headers)


async def _gone(request: Request, error: Exception) -> Response:
    return response(request, 400, "client_disconnected", "The request ended before all of it had arrived.")


async def _unexpected(request: Request, error: Exception) -> Response:
    return response(request, 500, TesseraError.code, TesseraError().message)
