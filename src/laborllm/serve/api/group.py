"""Where a group of people is in the years ahead."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends

from laborllm.forecasting.simulation.result import Simulation
from laborllm.serve.api.examples import example
from laborllm.serve.asked import VERSION, Asked, asked, years_after
from laborllm.serve.counted import count_groups
from laborllm.serve.inputs.careers import Row, Worker, read_career
from laborllm.serve.operation.problems import PROBLEMS
from laborllm.serve.schema import GroupAnswer, GroupRequest

router = APIRouter(prefix=VERSION, tags=["forecasts"], responses=PROBLEMS)
Sent = Annotated[GroupRequest, example("/v1/group", "Twelve line cooks")]
HOLDS = "draws"


@router.post("/group", summary="Count a group")
async def group(request: Sent, asked: Annotated[Asked, Depends(asked)]) -> GroupAnswer:
    """How many of a group are where, by year, with the range that simulated futures of the group leave.

    A group has at least ten people, and does not differ by fewer than ten from one that was asked for in the last hour.
    Years ahead begin after the last record of all.
    """
    asked.require(len(request.people), request.horizon, request.draws, most=asked.settings.group)
    read = [read_career(person.career, asked.served) for person in request.people]
    labels = [person.group for person in request.people]
    workers = [each.worker for each in read]
    found = await simulate_group(asked, workers, labels, request.horizon, request.draws, request.seed)
    notes = list(dict.fromkeys(note for each in read for note in each.notes))
    groups = count_groups(found, labels, request.top)
    return GroupAnswer(model=asked.served.name, groups=groups, holds=HOLDS, notes=notes)


async def simulate_group(
    asked: Asked, workers: Sequence[Worker], labels: Sequence[str], horizon: int, draws: int, seed: int = 0
) -> Simulation:
    """Years ahead that are the same for all of some people, whose chance is each one's own.

    Args:
        asked: What answers.
        workers: The careers of the people.
        labels: The group of each.
        horizon: How many years, after the last record of all.
        draws: Simulated futures.
        seed: Seed of the draws.

    Raises:
        GroupError: A group is too small, or too near to another.
    """
    asked.groups.admit(workers, labels)
    years = years_after(max(worker.last[0] for worker in workers), horizon)
    copies: Counter[tuple[Row, ...]] = Counter()
    opened = []
    for worker in workers:
        opened.append(replace(worker, copy=copies[worker.rows]).open(years))
        copies[worker.rows] += 1
    return await asyncio.wait_for(asked.futures.simulate(opened, draws=draws, seed=seed), asked.settings.answer_seconds)
