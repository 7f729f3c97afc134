"""The pages of occupations: a list by group, and a page each."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from laborllm.serve.api.occupations import require_code
from laborllm.serve.page.render import render
from laborllm.serve.page.views import Answers, fields_of

occupations = APIRouter(include_in_schema=False)
PLACE = "/occupations"


@occupations.get(PLACE)
async def every(asked: Answers) -> Response:
    """All occupations by group, and a field to go to one."""
    return _list(asked)


@occupations.post(PLACE)
async def go(request: Request, asked: Answers) -> Response:
    """The page of the occupation that a title means, or titles that it may mean."""
    said = dict(await fields_of(request)).get("title", "").strip()[:200]
    coded = asked.served.titles.read(said) if said else None
    if coded is not None and coded.code is not None:
        return RedirectResponse(f"{PLACE}/{coded.code}", 303)
    return _list(asked, said=said, near=asked.served.titles.candidates(said) if said else ())


@occupations.get(PLACE + "/{code}")
async def one(code: str, asked: Answers) -> Response:
    """Who stays in an occupation, who comes and who goes."""
    require_code(code, asked)
    found = asked.served.outlook.occupation(code)
    return HTMLResponse(render("occupation.html.j2", asked, here=PLACE, found=found))


def _list(asked: Answers, **more: object) -> Response:
    groups = list(asked.served.titles.by_group())
    known: dict[str, object] = {"said": "", "near": (), "groups": groups}
    return HTMLResponse(render("occupations.html.j2", asked, **known | more | {"here": PLACE}))
