"""The years ahead of some careers, at once or with progress as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from laborllm.forecasting.simulation.result import Simulation
from laborllm.forecasting.summaries import moves
from laborllm.serve.answers import outcomes, part_of, parts
from laborllm.serve.api.calls import calls
from laborllm.serve.api.examples import example
from laborllm.serve.api.forecast import origin
from laborllm.serve.asked import Asked, asked, years_after
from laborllm.serve.batching import BusyError, OnProgress
from laborllm.serve.inputs.careers import Read
from laborllm.serve.operation.problems import why_busy
from laborllm.serve.schema.forecasts import CareerSimulation, Moves, SimulateAnswer, SimulatedYear, SimulateRequest

router = calls("forecasts")
Sent = Annotated[SimulateRequest, example("/v1/simulate", "A line cook, three years ahead")]
EVENTS = "text/event-stream"


@router.post(
    "/simulate",
    summary="Simulate the years ahead",
    description="The years ahead of each career. With `Accept: text/event-stream` the answer comes as events: "
    "`progress` with the share that is done, then `result`.",
    response_model=SimulateAnswer,
    responses={200: {"content": {EVENTS: {"schema": {"type": "string"}}}}},
)
async def simulate(request: Sent, http: Request, asked: Annotated[Asked, Depends(asked)]) -> object:
    """Answer with the years ahead of each career, at once or as events.

    Args:
        request: The careers, and how far ahead.
        http: The request as it came, whose headers say how to answer.
        asked: Who asks of which model, and what may be asked.
    """
    asked.require(len(request.careers), request.horizon, request.draws)
    read = await asked.read(request.careers)
    if EVENTS in http.headers.get("accept", ""):
        return _events(request, read, asked)
    return await _answer(request, read, asked)


async def _answer(
    request: SimulateRequest, read: list[Read], asked: Asked, on_progress: OnProgress = lambda share: None
) -> SimulateAnswer:
    opened = [each.worker.open(years_after(each.worker.last[0], request.horizon)) for each in read]
    found = await asked.futures.simulate(opened, draws=request.draws, seed=request.seed, on_progress=on_progress)
    simulations = await run_in_threadpool(
        lambda: [simulation_of(each, found, at, request.top) for at, each in enumerate(read)]
    )
    return SimulateAnswer(model=asked.served.name, simulations=simulations)


def simulation_of(read: Read, found: Simulation, at: int, top: int) -> CareerSimulation:
    """What is said of one of the careers that were simulated.

    Args:
        read: The career as it was read.
        found: The simulation of it and others.
        at: Its place among them.
        top: How many moves of each year to name at most.
    """
    mean, low, median, high = moves(part_of(found, [at])).row(0)[1:]
    years = [
        SimulatedYear(year=int(year), outcomes=outcomes(found, at, place, top), groups=parts(found, at, place))
        for place, year in enumerate(found.years[at])
    ]
    counted = Moves(mean=round(mean, 1), low=low, median=median, high=high)
    return CareerSimulation(origin=origin(read), years=years, moves=counted, notes=list(read.notes))


def _events(request: SimulateRequest, read: list[Read], asked: Asked) -> Response:
    """The answer as server-sent events."""

    async def stream() -> AsyncIterator[str]:
        shares: asyncio.Queue[float | None] = asyncio.Queue()
        answer = asyncio.create_task(_answer(request, read, asked, shares.put_nowait))
        answer.add_done_callback(lambda _: shares.put_nowait(None))
        try:
            while (share := await shares.get()) is not None:
                yield _event("progress", json.dumps({"done": round(share, 3)}))
            yield _event("result", (await answer).model_dump_json())
        except (BusyError, TimeoutError) as error:
            yield _event("problem", json.dumps({"detail": why_busy(error)}))
        finally:
            answer.cancel()

    return StreamingResponse(stream(), media_type=EVENTS)


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"
