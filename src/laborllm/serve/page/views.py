"""The pages as answers: the first page with its form, what it shows, and what of it can be downloaded."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

import vl_convert
from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from laborllm.errors import InputError
from laborllm.serve.api.simulate import simulation_of
from laborllm.serve.asked import Asked, asked
from laborllm.serve.batching import BusyError
from laborllm.serve.operation.problems import RETRY_SECONDS, retry, why_busy
from laborllm.serve.page.examples import EXAMPLES
from laborllm.serve.page.form import HORIZONS, Fields, Form, FormError
from laborllm.serve.page.render import render
from laborllm.serve.page.results import TOP, Result, result_of
from laborllm.serve.page.resume import form_of
from laborllm.serve.schema.forecasts import SimulateAnswer

page = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
PNG_SCALE = 2
EXAMPLE_OF = {f"example-{number}": form for number, form in enumerate(EXAMPLES.values())}
Answers = Annotated[Asked, Depends(asked)]


@page.get("/")
async def first(asked: Answers) -> Response:
    """The form, empty."""
    return await _page(asked, Form())


@page.post("/")
async def change(request: Request, asked: Answers) -> Response:
    """The form after a press of one of its buttons, and what it comes to."""
    fields = await fields_of(request)
    action = next((value for name, value in fields if name == "action"), "show")
    form = Form.of(fields).after(action)
    try:
        form = EXAMPLE_OF.get(action, form)
        if action == "read":
            return await _page(asked, form_of(dict(fields).get("resume", ""), Form()))
        if form.is_empty or action.partition("-")[0] in ("add", "delete", "up"):
            error = "Type at least one job, with the year it began." if action == "show" else ""
            return await _page(asked, form, error=error)
        return await _page(asked, form, await result_of(form, asked))
    except InputError as error:
        return await _page(asked, form, error=str(error), status=422)
    except (BusyError, TimeoutError) as error:
        return await _page(asked, form, error=why_busy(error), status=503)


@page.post("/suggest")
async def suggest(request: Request, asked: Answers) -> Response:
    """Titles that a few typed letters may lead to, as options."""
    typed = dict(await fields_of(request)).get("typed", "")
    return HTMLResponse(render("options.html.j2", asked, titles=asked.served.titles.suggest(typed[:200])))


@page.post("/download")
async def download(request: Request, asked: Answers) -> Response:
    """The result as a table, as data or as a picture."""
    fields = dict(await fields_of(request))
    result = await result_of(Form.from_state(fields.get("state", "")), asked)
    kind = fields.get("kind", "")
    if kind == "png":
        chart = result.figures()[0].chart.properties(background="white").to_dict(validate=False)
        content = await run_in_threadpool(vl_convert.vegalite_to_png, chart, scale=PNG_SCALE)
        return attachment(content, "image/png", "career.png")
    if kind == "csv":
        return attachment(result.figures()[0].table.to_csv().encode(), "text/csv; charset=utf-8", "career.csv")
    if kind != "json":
        raise FormError("Choose CSV, JSON or PNG.")
    return attachment(_data(result, asked), "application/json", "career.json")


async def fields_of(request: Request) -> Fields:
    """The text fields of a form, in their order."""
    form = await request.form(max_files=2, max_fields=1000)
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


async def _page(
    asked: Asked, form: Form, result: Result | None = None, *, error: str = "", status: int = 200
) -> Response:
    text = await run_in_threadpool(
        render,
        "forecast.html.j2",
        asked,
        here="/",
        form=form,
        result=result,
        error=error,
        horizons=HORIZONS,
        examples=EXAMPLES,
        near=asked.served.outlook,
        titles=_states_and_common(asked),
    )
    return html(text, status)


def _states_and_common(asked: Asked) -> Sequence[str]:
    """Titles to choose from where no script suggests any: all of the taxonomy."""
    return sorted(asked.served.taxonomy.titles)


def _data(result: Result, asked: Asked) -> bytes:
    """What the API answers for the same career."""
    simulations = [simulation_of(result.read, result.found, 0, TOP)]
    return SimulateAnswer(model=asked.served.name, simulations=simulations).model_dump_json(indent=1).encode()


def html(text: str, status: int) -> Response:
    """A page that says what is wrong beside what was typed, and when to ask again of a server that is busy."""
    return HTMLResponse(text, status, retry(RETRY_SECONDS) if status == HTTPStatus.SERVICE_UNAVAILABLE else None)


def attachment(content: bytes, media_type: str, name: str) -> Response:
    """A file to download.

    Args:
        content: What is in it.
        media_type: Its type.
        name: What the browser calls it.
    """
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
