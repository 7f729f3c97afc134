"""The page of the API: each call with what it does and how to ask it, from the description that clients read."""

import json
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from laborllm.serve.api.examples import BODIES
from laborllm.serve.page.render import render
from laborllm.serve.page.views import Answers

api = APIRouter(include_in_schema=False)
PLACE, CODE = "/api", "436"


@dataclass(frozen=True)
class Call:
    """A call of the API as the page shows it."""

    method: str
    path: str
    summary: str
    description: str
    curl: str


@api.get(PLACE)
async def show(request: Request, asked: Answers) -> Response:
    """All calls, each with a command that makes it."""
    base = str(request.base_url).rstrip("/")
    calls = [
        Call(method.upper(), path, said["summary"], said["description"], _curl(base, path))
        for path, methods in request.app.openapi()["paths"].items()
        for method, said in methods.items()
    ]
    text = render("api.html.j2", asked, here=PLACE, calls=calls, keys=bool(asked.settings.keys))
    return HTMLResponse(text)


def _curl(base: str, path: str) -> str:
    """A command that makes a call."""
    place = f"{base}{path}".replace("{code}", CODE)
    if path not in BODIES:
        return f"curl {place}"
    return f"curl {place} \\\n  --json '{json.dumps(BODIES[path])}'"
