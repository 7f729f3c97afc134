"""Errors as problem details (RFC 9457): one clear sentence, and nothing of what was sent."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from laborllm.errors import InputError
from laborllm.serve.batching import BusyError

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


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """A problem as a response.

    Args:
        status: HTTP status.
        detail: What is wrong, in a sentence without what was sent.
        headers: More headers.
    """
    title = HTTPStatus(status).phrase
    content = Problem(type="about:blank", title=title, status=status, detail=detail).model_dump()
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def add_problems(app: FastAPI) -> None:
    """Answer every error of the API as a problem."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return problem(422, sentence(error.errors()))

    @app.exception_handler(InputError)
    async def refused(request: Request, error: InputError) -> Response:
        return problem(422, str(error))

    @app.exception_handler(BusyError)
    async def busy(request: Request, error: BusyError) -> Response:
        return problem(503, "the server has more to do than it can hold: ask again soon", retry(RETRY_SECONDS))

    @app.exception_handler(TimeoutError)
    async def late(request: Request, error: TimeoutError) -> Response:
        return problem(503, "the answer took too long: ask for less at a time, or again later", retry(RETRY_SECONDS))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        return problem(500, "the server failed, which is its own fault and has been noted")


def retry(seconds: float) -> dict[str, str]:
    """The header that says when to ask again."""
    return {"Retry-After": str(max(1, round(seconds)))}


def sentence(errors: Sequence[Mapping[str, Any]]) -> str:
    """The first of some errors of validation, where it is, and how many there are; no value that was sent."""
    first = errors[0]
    place = ", ".join(str(part + 1) if isinstance(part, int) else str(part)[:LONGEST] for part in first["loc"][1:])
    message = str(first["msg"]).removeprefix("Value error, ")
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place}: {message}{more}" if place else f"{message}{more}"
