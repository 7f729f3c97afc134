"""Templates to HTML, and the files that pages load."""

import hashlib
import html
import re
from functools import cache
from importlib.resources import files

import polars as pl
from fastapi import APIRouter
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import Response

from laborllm.report.figures import to_svg
from laborllm.report.figures.differences import differences
from laborllm.serve.asked import Asked
from laborllm.serve.schema.base import USE
from laborllm.serve.served import Served

static = APIRouter(include_in_schema=False)
FILES = {
    "page.css": ("laborllm.report", "templates/page.css", "text/css; charset=utf-8"),
    "serve.css": ("laborllm.serve.page", "static/serve.css", "text/css; charset=utf-8"),
    "serve.js": ("laborllm.serve.page", "static/serve.js", "text/javascript; charset=utf-8"),
    "htmx.min.js": ("laborllm.serve.page", "static/htmx.min.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("laborllm.serve.page", "static/icon.svg", "image/svg+xml"),
}
"""Name to package, place and type: nothing else can be asked for."""
HEADINGS = {404: "Not found", 401: "A key is needed", 429: "A little slower, please", 503: "The server is busy"}
"""What the page of an error says first, by status."""

COVARIATES = ("education", "gender", "ethnicity", "region")


def render(template: str, asked: Asked, **more: object) -> str:
    """A page as HTML."""
    served = asked.served
    words = {name: served.words(name) for name in COVARIATES}
    common = {"served": served, "words": words, "use": USE, "version": _version(), "here": ""}
    return _environment().get_template(template).render(**common | more)


def error_page(asked: Asked, status: int, detail: str) -> str:
    """What a browser shows of an error.

    Args:
        asked: What answers.
        status: HTTP status.
        detail: What is wrong, in a sentence.
    """
    heading = HEADINGS.get(status, "This did not work")
    return render("error.html.j2", asked, status=status, heading=heading, detail=detail)


@static.get("/static/{name}")
async def file(name: str) -> Response:
    """One of the files that pages load."""
    if name not in FILES:
        raise HTTPException(404, "no such file")
    return Response(_content(name), media_type=FILES[name][2], headers={"Cache-Control": "max-age=86400"})


def warm_up(served: Served) -> None:
    """Do once what takes longer the first time: the flows between occupations, a chart, the titles."""
    served.outlook.flows  # noqa: B018, computed when it is first asked for
    served.titles.read("cook")
    to_svg(differences(pl.DataFrame({"title": ["cook"], "people": [1], "low": [0.0], "high": [2.0]})), "warm")


@cache
def _content(name: str) -> bytes:
    package, place, _ = FILES[name]
    return (files(package) / place).read_bytes()


@cache
def _version() -> str:
    """Changes with the files, so that a browser loads new ones."""
    return hashlib.sha256(b"".join(map(_content, FILES))).hexdigest()[:8]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("laborllm.serve.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["table"] = lambda table: Markup(table.to_html())  # which escapes its text
    environment.filters["svg"] = lambda chart, name: Markup(to_svg(chart, name))
    environment.filters["sentence"] = lambda text: f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""
    environment.filters["code"] = lambda text: Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text)))
    return environment
