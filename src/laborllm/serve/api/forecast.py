"""Where people with these careers are next year."""

from typing import Annotated

from fastapi import Depends
from starlette.concurrency import run_in_threadpool

from laborllm.forecasting.simulation.result import Simulation
from laborllm.serve.answers import outcomes
from laborllm.serve.api.calls import calls
from laborllm.serve.api.examples import example
from laborllm.serve.asked import Asked, asked, require_after
from laborllm.serve.inputs.careers import Read, Worker
from laborllm.serve.schema.forecasts import CareerForecast, ForecastAnswer, ForecastRequest, Origin

router = calls("forecasts")
Sent = Annotated[ForecastRequest, example("/v1/forecast", "A line cook")]
EXACT = 1  # draws: the first year ahead needs none


@router.post("/forecast", summary="Forecast one year")
async def forecast(request: Sent, asked: Annotated[Asked, Depends(asked)]) -> ForecastAnswer:
    """The next record of each career, in people of a hundred: who stays, the most frequent moves, all others."""
    asked.require(len(request.careers), 1, EXACT)
    read = await asked.read(request.careers)
    found = await next_year(asked, [each.worker for each in read], request.year)
    forecasts = await run_in_threadpool(
        lambda: [_forecast(each, found, at, request.top) for at, each in enumerate(read)]
    )
    return ForecastAnswer(model=asked.served.name, forecasts=forecasts)


async def next_year(asked: Asked, workers: list[Worker], year: int | None) -> Simulation:
    """The exact forecast of one year, for each of some workers.

    Args:
        asked: What answers.
        workers: The careers.
        year: The year; default: the one after the last record of each.

    Raises:
        PanelError: The year is not after the last record of each.
    """
    opened = []
    for worker in workers:
        last = worker.last[0]
        require_after(last + 1 if year is None else year, last)
        opened.append(worker.open([last + 1 if year is None else year]))
    return await asked.futures.simulate(opened, draws=EXACT)


def origin(read: Read) -> Origin:
    """The last record of a career, as it was read."""
    last = read.titles[-1]
    return Origin(year=read.worker.last[0], code=str(last.code), title=last.title)


def _forecast(read: Read, found: Simulation, at: int, top: int) -> CareerForecast:
    return CareerForecast(
        origin=origin(read),
        year=int(found.years[at, 0]),
        outcomes=outcomes(found, at, 0, top),
        notes=list(read.notes),
    )
