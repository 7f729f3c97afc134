"""Requests that wait together are simulated together, each with the numbers that it gets by itself."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

import laborllm as ll
from laborllm.forecasting.simulation.result import Simulation
from laborllm.panel import Panel
from laborllm.serve import Served, futures
from laborllm.serve.batching import Batches
from laborllm.serve.futures import Futures, rounds
from laborllm.serve.inputs.careers import Worker


def worker(*codes: str, years: Sequence[int] = (2023, 2024), copy: int = 0) -> Worker:
    """A career that ends in 2022, with some open years."""
    first = 2023 - len(codes)
    rows = tuple((first + at, code, "high school", None, None, None, 1990) for at, code in enumerate(codes))
    return Worker(rows, copy=copy).open(years)


COOK, NURSE, CLERK = worker("436", "436"), worker("95"), worker("276", "313", "313")
LATER = worker("436", "436", years=(2030, 2031))  # of one name with the cook


def simulated(served: Served, asked: list[list[Worker]], draws: int) -> list[Simulation]:
    """What requests get that all wait while the model is busy with another."""

    async def ask() -> list[Simulation]:
        busy = asyncio.create_task(found.simulate([worker("95", "95")], draws=1))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(found.simulate(workers, draws=draws)) for workers in asked]
        await busy
        answers = list(await asyncio.gather(*waiting))
        await found.batches.close()
        return answers

    found = Futures(served, Batches(64))
    return asyncio.run(ask())


def test_requests_that_wait_are_simulated_together_with_their_own_numbers(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def counted(model: object, panel: Panel, **options: int) -> Simulation:
        sizes.append(panel.workers)
        return ll.simulate(model, panel, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(futures, "simulate", counted)
    asked = [[COOK], [NURSE, CLERK], [COOK], [LATER]]
    together = simulated(served, asked, draws=500)
    assert sizes == [1, 3, 1]  # the busy one; cook, nurse and clerk; the cook in other years
    for workers, found in zip(asked, together, strict=True):
        (by_itself,) = simulated(served, [workers], draws=500)
        assert found.workers.equals(by_itself.workers)
        assert np.array_equal(found.years, by_itself.years)
        assert np.array_equal(found.occupation, by_itself.occupation)
        assert np.allclose(found.probability, by_itself.probability, atol=1e-6)


def test_no_worker_has_two_careers_in_a_round() -> None:
    twin = worker("436", "436", copy=1)
    found = [(sorted(named), places) for named, places in rounds([[COOK], [LATER, NURSE], [COOK, twin], [LATER]])]
    assert found == [(sorted({COOK.name, twin.name}), [0, 2]), (sorted({COOK.name, NURSE.name}), [1, 3])]
