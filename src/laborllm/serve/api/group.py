"""Where a group of people is in the years ahead."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from laborllm.forecasting.simulation.result import Simulation
from laborllm.serve.api.calls import calls
from laborllm.serve.api.examples import example
from laborllm.serve.asked import Asked, asked, client_of, years_after
from laborllm.serve.counted import count_groups, what_ranges_hold
from laborllm.serve.inputs.careers import Row, Worker
from laborllm.serve.schema.groups import GroupAnswer, GroupRequest

router = calls("forecasts")
Sent = Annotated[GroupRequest, example("/v1/group", "Twelve line cooks")]


ABOUT = """How many of a group are where, by year, with a range that holds nine in ten futures; `holds` says of what.

A group has at least ten people, and does not differ by fewer than ten from one that was asked for in the last hour.
Years ahead begin after the last record of all."""


@router.post("/group", summary="Count a group", description=ABOUT)
async def group(request: Sent, http: Request, asked: Annotated[Asked, Depends(asked)]) -> GroupAnswer:
    """Count where a group is in the years ahead.

    Args:
        request: The people, and the group of each.
        http: Says which client asks.
        asked: What answers.
    """
    asked.require(len(request.people), request.horizon, request.draws, most=asked.settings.group)
    read = await asked.read([person.career for person in request.people])
    labels = [person.group for person in request.people]
    workers = [each.worker for each in read]
    asked.groups.admit(workers, labels, client_of(http))
    found = await simulate_group(asked, workers, request.horizon, request.draws, request.seed)
    notes = list(dict.fromkeys(note for each in read for note in each.notes))
    error = asked.served.common_error
    groups = await run_in_threadpool(count_groups, found, workers, labels, request.top, error)
    return GroupAnswer(model=asked.served.name, groups=groups, holds=what_ranges_hold(error), notes=notes)


async def simulate_group(
    asked: Asked, workers: Sequence[Worker], horizon: int, draws: int, seed: int = 0
) -> Simulation:
    """Years ahead that are the same for all of some people, whose chance is each one's own.

    Args:
        asked: What answers.
        workers: The careers of the people, who were admitted as a group.
        horizon: How many years, after the last record of all.
        draws: Simulated futures.
        seed: Seed of the draws.
    """
    years = years_after(max(worker.last[0] for worker in workers), horizon)
    copies: Counter[tuple[Row, ...]] = Counter()
    opened = []
    for worker in workers:
        opened.append(replace(worker, copy=copies[worker.rows]).open(years))
        copies[worker.rows] += 1
    return await asked.futures.simulate(opened, draws=draws, seed=seed)
