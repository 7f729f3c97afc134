"""Requests that wait together are simulated together, each with the numbers that it gets by itself."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pytest

import laborllm as ll
from laborllm.errors import PanelError
from laborllm.forecasting.simulation.result import Difference, Simulation
from laborllm.panel import Panel
from laborllm.serve import Served, futures
from laborllm.serve.batching import Batches, BusyError
from laborllm.serve.futures import Futures, Versions, rounds
from laborllm.serve.inputs.careers import Worker


def worker(*codes: str, years: Sequence[int] = (2023, 2024), copy: int = 0) -> Worker:
    """A career that ends in 2022, with some open years."""
    first = 2023 - len(codes)
    rows = tuple((first + at, code, "high school", None, None, None, 1990) for at, code in enumerate(codes))
    return Worker(rows, copy=copy).open(years)


Answer = TypeVar("Answer")

COOK, NURSE, CLERK = worker("436", "436"), worker("95"), worker("276", "313", "313")
LATER = worker("436", "436", years=(2030, 2031))  # of one name with the cook


def while_busy(served: Served, ask: Callable[[Futures], list[Coroutine[Any, Any, Answer]]]) -> list[Answer]:
    """What requests get that all wait while the model is busy with another."""

    async def answers() -> list[Answer]:
        busy = asyncio.create_task(found.simulate([worker("95", "95")], draws=1))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(each) for each in ask(found)]
        await busy
        got = list(await asyncio.gather(*waiting))
        await found.batches.close()
        return got

    found = Futures(served, Batches(64))
    return asyncio.run(answers())


def simulated(served: Served, asked: list[list[Worker]], draws: int) -> list[Simulation]:
    return while_busy(served, lambda found: [found.simulate(workers, draws=draws) for workers in asked])


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


def test_much_work_is_done_in_pieces_with_the_numbers_of_the_whole(served: Served) -> None:
    """Three people of 200 steps each, 400 at a time: a nurse who asks for little comes between the pieces."""
    order: list[str] = []
    shares: dict[str, list[float]] = {"many": [], "nurse": []}

    async def ask() -> list[Simulation]:
        async def asked(name: str, workers: list[Worker], draws: int) -> Simulation:
            answer = await found.simulate(workers, draws=draws, on_progress=shares[name].append)
            order.append(name)
            return answer

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asked("many", [COOK, NURSE, CLERK], 100))]
            await asyncio.sleep(0)
            tasks.append(group.create_task(asked("nurse", [NURSE], 1)))
        await found.batches.close()
        return [task.result() for task in tasks]

    found = Futures(served, Batches(64, together=400))
    many, _ = asyncio.run(ask())
    (whole,) = simulated(served, [[COOK, NURSE, CLERK]], draws=100)
    assert order == ["nurse", "many"]
    assert shares["many"] == pytest.approx([1 / 3, 2 / 3, 5 / 6, 1])
    assert many.workers.equals(whole.workers)
    assert np.array_equal(many.years, whole.years)
    assert np.array_equal(many.occupation, whole.occupation)
    assert np.allclose(many.probability, whole.probability, atol=1e-6)


def test_no_worker_has_two_careers_in_a_round() -> None:
    twin = worker("436", "436", copy=1)
    asked = [[(each.name, each) for each in request] for request in ([COOK], [LATER, NURSE], [COOK, twin], [LATER])]
    found = [(sorted(named), places) for named, places in rounds(asked)]
    assert found == [(sorted({COOK.name, twin.name}), [0, 2]), (sorted({COOK.name, NURSE.name}), [1, 3])]


def version(one: Worker, *codes: str, education: str = "high school") -> Worker:
    """Another version of a career, drawn the same numbers."""
    other = worker(*codes)
    rows = tuple((*row[:2], education, *row[3:]) for row in other.rows)
    return replace(other, rows=rows, seed_of=one.rows)


def compared(served: Served, asked: list[Versions], draws: int) -> list[Difference]:
    return while_busy(served, lambda found: [found.what_if(*pair, draws=draws) for pair in asked])


def test_what_ifs_that_wait_are_simulated_together_with_their_own_numbers(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def counted(model: object, panel: Panel, other: Panel, **options: int) -> Difference:
        sizes.append(panel.workers)
        return ll.what_if(model, panel, other, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(futures, "what_if", counted)
    asked = [(COOK, version(COOK, "436", "95")), (NURSE, version(NURSE, "276")), (COOK, version(COOK, "436", "276"))]
    together = compared(served, asked, draws=200)
    assert sizes == [2, 1]  # the cook and the nurse; the cook's third version
    for pair, found in zip(asked, together, strict=True):
        (by_itself,) = compared(served, [pair], draws=200)
        assert found.workers.equals(by_itself.workers)
        assert np.array_equal(found.years, by_itself.years)
        assert np.allclose(found.probability, by_itself.probability, atol=1e-6)
        assert np.allclose(found.error, by_itself.error, atol=1e-6)


def test_a_what_if_that_is_refused_is_refused_in_any_company(served: Served) -> None:
    """The model never saw the school of either; the nurse said so in both versions, the cook only in the other."""
    nurse = replace(NURSE, rows=tuple((*row[:2], "on Mars", *row[3:]) for row in NURSE.rows))
    fine, refused = (
        (nurse, version(nurse, "276", education="on Mars")),
        (COOK, version(COOK, "95", education="on Mars")),
    )
    assert len(compared(served, [fine, fine], draws=10)) == 2
    for asked in ([refused], [fine, refused]):
        with pytest.raises(PanelError, match="the model never saw education 'on Mars'"):
            compared(served, asked, draws=10)


def test_nobody_waits_longer_than_may_be(served: Served) -> None:
    async def ask() -> None:
        found = Futures(served, Batches(64), seconds=0.0)
        for waiting in (found.simulate([COOK], draws=1), found.what_if(COOK, version(COOK, "95"), draws=1)):
            with pytest.raises(TimeoutError):
                await waiting
        await found.batches.close()

    asyncio.run(ask())


def test_a_warm_server_knows_at_once_what_it_would_not_come_to_in_time(served: Served) -> None:
    async def ask() -> None:
        await found.warm_up()
        first = asyncio.create_task(found.simulate([COOK], draws=10))
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await found.simulate([NURSE], draws=10**9)
        await first

    found = Futures(served, Batches(64, seconds=60.0))
    asyncio.run(ask())
