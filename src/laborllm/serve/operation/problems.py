"""Errors as problem details (RFC 9457), or a page for a browser: one clear sentence, and nothing of what was sent."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response

from laborllm.errors import InputError
from laborllm.serve.batching import BusyError
from laborllm.serve.groups import ManyGroupsError
from laborllm.serve.settings import VERSION

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
LONGEST = 40  # letters of a field that is not known


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field("about:blank", examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["careers, 1, records, 1, year: Input should be less than or equal to 2060"])


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {}}}
    for status in (400, 401, 403, 404, 405, 406, 408, 413, 415, 422, 429, 503)
}
"""What any call may answer in addition to what it declares itself."""


def problem(request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as a response: a page where a browser asked for one, else problem details.

    Args:
        request: What was asked.
        status: HTTP status.
        detail: What is wrong, in a sentence without what was sent.
        headers: More headers.
    """
    if wants_page(request):
        show: Callable[[int, str], str] = request.app.state.error_page
        return HTMLResponse(show(status, detail), status, dict(headers or {}))
    title = HTTPStatus(status).phrase
    content = Problem(type="about:blank", title=title, status=status, detail=detail).model_dump()
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def wants_page(request: Request) -> bool:
    """Whether a browser asks, and not for the API."""
    return "text/html" in request.headers.get("accept", "") and not is_api(request)


def is_api(request: Request) -> bool:
    """Whether a call of the API is meant."""
    return request.url.path.startswith(f"{VERSION}/")


def add_problems(app: FastAPI) -> None:
    """Answer every error of the application as a problem."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return problem(request, 422, sentence(error.errors()))

    @app.exception_handler(InputError)
    async def refused(request: Request, error: InputError) -> Response:
        return problem(request, 422, str(error))

    @app.exception_handler(ManyGroupsError)
    async def many(request: Request, error: ManyGroupsError) -> Response:
        return problem(request, 429, str(error), retry(error.seconds))

    @app.exception_handler(BusyError)
    @app.exception_handler(TimeoutError)
    async def busy(request: Request, error: BusyError | TimeoutError) -> Response:
        return problem(request, 503, why_busy(error), retry(RETRY_SECONDS))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        is_bare = error.detail == HTTPStatus(error.status_code).phrase
        detail = BARE.get(error.status_code, error.detail) if is_bare else error.detail
        return problem(request, error.status_code, str(detail), error.headers)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        return problem(request, 500, "the server failed, which is its own fault and has been noted")


BUSY = "the server has more to do than it can hold: ask for less at a time, or again later"
NO_JSON = "the body is not JSON, as text in UTF-8"
LATE = "the answer took too long: ask for less at a time, or again later"
BARE = {
    404: "there is nothing at this address",
    405: "this address does not take that method: see the header Allow for those that it takes",
}
"""What to say of an error that the framework raises without a sentence."""


def why_busy(error: BusyError | TimeoutError) -> str:
    """What to say of a request that is not answered, as there are too many or it takes too long."""
    return BUSY if isinstance(error, BusyError) else LATE


def retry(seconds: float) -> dict[str, str]:
    """The header that says when to ask again."""
    return {"Retry-After": str(max(1, round(seconds)))}


def sentence(errors: Sequence[Mapping[str, Any]]) -> str:
    """The first of some errors of validation, where it is, and how many there are; no value that was sent."""
    first = errors[0]
    place = ", ".join(str(part + 1) if isinstance(part, int) else str(part)[:LONGEST] for part in first["loc"][1:])
    message = str(first["msg"]).removeprefix("Value error, ")
    if first.get("type") == "json_invalid":
        return NO_JSON
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place}: {message}{more}" if place else f"{message}{more}"
