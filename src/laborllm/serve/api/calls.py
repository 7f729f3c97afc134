"""What all calls of the API have in common: their version, their problems, and that they take and give JSON."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from laborllm.serve.operation.problems import NO_JSON, PROBLEMS
from laborllm.serve.settings import VERSION

JSON = "application/json"


class JsonCall(APIRoute):
    """A call that refuses a body that is not said to be JSON (415), and a client that takes no JSON (406)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request: the checks, then the call."""
        handle = super().get_route_handler()
        given = (JSON, *self.responses.get(200, {}).get("content", {}))

        async def checked(request: Request) -> Response:
            if self.body_field is not None:
                require_json(request.headers.get("content-type", ""))
            require_taken(request.headers.get("accept", ""), given)
            try:
                return await handle(request)
            except HTTPException as error:
                if error.status_code != HTTPStatus.BAD_REQUEST:
                    raise
                raise HTTPException(422, NO_JSON) from error  # deeper, or with longer numbers, than JSON is read here

        return checked


def calls(tag: str) -> APIRouter:
    """A router for some calls of the API, listed under a tag."""
    return APIRouter(prefix=VERSION, tags=[tag], responses=PROBLEMS, route_class=JsonCall)


def require_json(content_type: str) -> None:
    """Raise a 415 unless a body is said to be JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind != JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        raise HTTPException(415, f"the body must be JSON: send it with 'Content-Type: {JSON}'")


def require_taken(accept: str, given: tuple[str, ...]) -> None:
    """Raise a 406 unless a client takes one of the types that a call gives; no header takes anything."""
    ranges = {part.partition(";")[0].strip().lower() for part in accept.split(",")} - {""}
    wider = {"*/*", *(f"{kind.partition('/')[0]}/*" for kind in given)}
    if ranges and ranges.isdisjoint({*given, *wider}):
        raise HTTPException(406, f"this call answers as {' or '.join(given)} only")
