"""The application: pages, API and what watches them, around one model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from laborllm import __version__
from laborllm.serve.api import ROUTERS
from laborllm.serve.asked import Asked
from laborllm.serve.batching import Batches
from laborllm.serve.futures import Futures
from laborllm.serve.groups import Groups
from laborllm.serve.operation.guard import Guard, known_hosts
from laborllm.serve.operation.head import Head
from laborllm.serve.operation.observe import Metrics, Observe
from laborllm.serve.operation.problems import add_problems
from laborllm.serve.operation.watch import watch
from laborllm.serve.page.api import api
from laborllm.serve.page.groups import groups
from laborllm.serve.page.occupations import occupations
from laborllm.serve.page.render import error_page, static, warm_up
from laborllm.serve.page.views import page
from laborllm.serve.served import Served
from laborllm.serve.settings import Settings

ABOUT = """\
Forecasts of careers: where people with a career like this one are in the years to come. A description of people, not a
guarantee for anybody, and not for selecting, ranking or judging people."""


def create_app(served: Served, settings: Settings | None = None) -> FastAPI:
    """The application that answers with one model.

    Args:
        served: The model.
        settings: Limits and keys. Default: those of `Settings`.

    Returns:
        An ASGI application, which uvicorn or another server runs in one process.
    """
    settings = settings or Settings()
    batches = Batches(settings.waiting, settings.answer_seconds)
    futures, metrics = Futures(served, batches, settings.answer_seconds), Metrics(batches)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(warm_up, served)
        await futures.warm_up()
        app.state.ready = True
        yield
        app.state.ready = False
        await batches.close()

    app = FastAPI(
        title="laborllm",
        version=__version__,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.ready, app.state.metrics = False, metrics
    app.state.asked = asked = Asked(served, futures, settings, Groups())
    app.state.error_page = partial(error_page, asked)
    for part in (*ROUTERS, watch, page, groups, occupations, api, static):
        app.include_router(part)
    add_problems(app)

    app.add_middleware(Head)
    app.add_middleware(Guard, settings=settings, hosts=known_hosts(settings))
    app.add_middleware(Observe, metrics=metrics)
    return app
