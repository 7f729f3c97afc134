"""Two versions of a career, side by side."""

from typing import Annotated

from fastapi import Depends

from laborllm.errors import PanelError
from laborllm.forecasting.simulation.result import Difference
from laborllm.serve.answers import changes
from laborllm.serve.api.calls import calls
from laborllm.serve.api.examples import example
from laborllm.serve.asked import Asked, asked, years_after
from laborllm.serve.inputs.careers import Read, Worker
from laborllm.serve.schema.forecasts import ChangedYear, WhatIfAnswer, WhatIfRequest

router = calls("forecasts")
Sent = Annotated[WhatIfRequest, example("/v1/what-if", "A line cook, and one who became a nurse")]


@router.post("/what-if", summary="Compare two versions of a career")
async def what_if(request: Sent, asked: Annotated[Asked, Depends(asked)]) -> WhatIfAnswer:
    """How the years ahead of people whose record says one thing differ from those of people whose record says another.

    Both are drawn with the same random numbers, so that the difference has little noise. It is not an effect: what else
    tells such people apart is not known.
    """
    asked.require(2, request.horizon, request.draws)
    one, two = await asked.read([request.career, request.other])
    found = await difference(asked, one, two, horizon=request.horizon, draws=request.draws, seed=request.seed)
    years = [
        ChangedYear(year=int(year), changes=changes(found, place, request.top))
        for place, year in enumerate(found.years[0])
    ]
    return WhatIfAnswer(model=asked.served.name, years=years, notes=[*dict.fromkeys([*one.notes, *two.notes])])


async def difference(asked: Asked, one: Read, two: Read, *, horizon: int, draws: int, seed: int = 0) -> Difference:
    """The paired difference of two versions.

    Args:
        asked: What answers.
        one: The career.
        two: Its other version.
        horizon: How many years ahead.
        draws: Paths of each version.
        seed: Seed of the draws.

    Raises:
        PanelError: They end in different years.
    """
    ends = [read.worker.last[0] for read in (one, two)]
    if ends[0] != ends[1]:
        raise PanelError(f"one version ends in {ends[0]}, the other in {ends[1]}: both must end in one year")
    years = years_after(ends[0], horizon)
    other = Worker(two.worker.rows, seed_of=one.worker.rows)
    return await asked.futures.what_if(one.worker.open(years), other.open(years), draws=draws, seed=seed)
