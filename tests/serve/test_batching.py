"""The queue before the model: what waits together is computed together, and no more waits than may."""

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from laborllm.serve.batching import Batches, BusyError, OnProgress


class Slow:
    """Doubles numbers, not before it is let go; remembers its batches."""

    def __init__(self) -> None:
        self.go, self.batches = threading.Event(), list[list[int]]()

    def __call__(self, items: Sequence[int], on_progress: OnProgress) -> list[int]:
        self.go.wait(5)
        self.batches.append(list(items))
        on_progress(1.0)
        return [2 * item for item in items]


async def started(*tasks: asyncio.Task[int]) -> None:
    """Give tasks the time to join the queue."""
    await asyncio.sleep(0.02)


def test_what_waits_is_computed_together_and_answered_apart() -> None:
    async def ask() -> list[int]:
        first = asyncio.create_task(batches.submit("a", slow, 1))
        await started(first)
        others = [asyncio.create_task(batches.submit(key, slow, item)) for key, item in (("a", 2), ("b", 3), ("a", 4))]
        await started(*others)
        slow.go.set()
        found = await asyncio.gather(first, *others)
        await batches.close()
        return list(found)

    slow, batches = Slow(), Batches(10)
    assert asyncio.run(ask()) == [2, 4, 6, 8]
    assert slow.batches == [[1], [2, 4], [3]]


def test_a_full_queue_refuses_at_once_and_recovers() -> None:
    async def ask() -> None:
        running = asyncio.create_task(batches.submit("a", slow, 1))
        await started(running)
        waiting = [asyncio.create_task(batches.submit("a", slow, item)) for item in (2, 3)]
        await started(*waiting)
        with pytest.raises(BusyError):
            await batches.submit("a", slow, 4)
        slow.go.set()
        assert await asyncio.gather(running, *waiting) == [2, 4, 6]
        assert await batches.submit("a", slow, 5) == 10

    slow, batches = Slow(), Batches(2)
    asyncio.run(ask())


def test_a_request_whose_client_has_left_is_not_computed() -> None:
    async def ask() -> None:
        running = asyncio.create_task(batches.submit("a", slow, 1))
        await started(running)
        leaving = asyncio.create_task(batches.submit("a", slow, 2))
        await started(leaving)
        leaving.cancel()
        slow.go.set()
        assert await running == 2
        await batches.close()

    slow, batches = Slow(), Batches(10)
    asyncio.run(ask())
    assert slow.batches == [[1]]


def test_work_that_nobody_waits_for_any_more_ends_at_its_next_step() -> None:
    def steps(items: Sequence[int], on_progress: OnProgress) -> list[int]:
        for step in range(1, 1001):
            done.append(step)
            on_progress(step / 1000)
            go.wait(5)
        return list(items)

    async def ask() -> None:
        leaving = [asyncio.create_task(batches.submit("a", steps, item)) for item in (1, 2)]
        await started(*leaving)
        for task in leaving:
            task.cancel()
        await started()
        go.set()
        await batches.close()

    done, go, batches = list[int](), threading.Event(), Batches(10)
    asyncio.run(ask())
    assert len(done) == 2


def test_an_error_reaches_those_who_asked_and_nobody_else() -> None:
    def fails(items: Sequence[int], on_progress: OnProgress) -> list[int]:
        raise ZeroDivisionError

    async def ask() -> None:
        results = await asyncio.gather(
            batches.submit("a", fails, 1), batches.submit("b", slow, 2), return_exceptions=True
        )
        assert isinstance(results[0], ZeroDivisionError)
        assert results[1] == 4

    slow, batches = Slow(), Batches(10)
    slow.go.set()
    asyncio.run(ask())


def test_a_batch_has_no_more_steps_than_it_may_and_a_long_request_is_computed_by_itself() -> None:
    """Of 3, 5, 4, 20 and 1 steps with 8 together: 3 and 5, then 4 and 1, then 20."""

    async def ask() -> list[int]:
        first = asyncio.create_task(batches.submit("b", slow, 0))
        await started(first)
        tasks = [asyncio.create_task(batches.submit("a", slow, steps, steps=steps)) for steps in (3, 5, 4, 20, 1)]
        await started(*tasks)
        slow.go.set()
        return list(await asyncio.gather(*tasks))

    slow, batches = Slow(), Batches(10, together=8)
    assert asyncio.run(ask()) == [6, 10, 8, 40, 2]
    assert slow.batches == [[0], [3, 5], [4, 1], [20]]


class Clock:
    """A clock that only work moves: a thousand steps take ten seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("laborllm.serve.batching.time.perf_counter", lambda: self.now)

    def work(self, items: Sequence[int], on_progress: OnProgress) -> list[int]:
        """Items are steps."""
        time.sleep(0.05)
        self.now += sum(items) / 100
        return list(items)


def test_a_slow_model_refuses_at_once_what_it_would_not_come_to_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> None:
        assert await batches.submit("a", clock.work, 2_000, steps=2_000) == 2_000  # of no known pace
        with pytest.raises(BusyError):
            batches.require_room(3_100)
        running = asyncio.create_task(batches.submit("a", clock.work, 1_000, steps=1_000))
        await started(running)
        with pytest.raises(BusyError):
            batches.require_room(2_100)
        batches.require_room(1_900)
        assert await running == 1_000
        clock.now += 61
        batches.require_room(100_000)  # idle for long: it may have become faster

    clock, batches = Clock(monkeypatch), Batches(10, seconds=30)
    asyncio.run(ask())


def test_what_is_computed_at_a_time_takes_no_longer_than_a_turn_or_is_a_thousand_steps() -> None:
    batches = Batches(10, together=20_000)
    assert batches.at_once == 20_000
    for seconds_a_step, steps in ((1e-5, 20_000), (4e-4, 5_000), (1.0, 1_000)):
        batches._pace = seconds_a_step
        assert batches.at_once == steps


def test_those_who_wait_are_told_as_soon_as_a_model_turns_out_to_be_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four who wait half a minute for a thousand steps each, two will be answered, and two hear when the first has
    ended."""

    async def ask() -> list[object]:
        first = asyncio.create_task(batches.submit("a", clock.work, 1_000, steps=1_000))
        await started(first)
        others = [asyncio.create_task(batches.submit(key, clock.work, 1_000, steps=1_000)) for key in range(4)]
        assert await first == 1_000
        await asyncio.sleep(0)
        assert [task.done() for task in others] == [False, False, True, True]
        return list(await asyncio.gather(*others, return_exceptions=True))

    clock, batches = Clock(monkeypatch), Batches(10, seconds=30)
    one, two, *late = asyncio.run(ask())
    assert (one, two) == (1_000, 1_000)
    assert [type(error) for error in late] == [BusyError, BusyError]


def test_nobody_gets_the_error_of_another_in_the_same_batch() -> None:
    """Ten divided by 2, 0 and 5, which waited together."""
    batches = Batches(10)

    def divide(items: Sequence[int], on_progress: OnProgress) -> list[float]:
        return [10 / item for item in items]

    async def ask() -> list[object]:
        first = asyncio.create_task(batches.submit("b", slow, 1))
        await started(first)
        tasks = [asyncio.create_task(batches.submit("a", divide, item)) for item in (2, 0, 5)]
        await asyncio.sleep(0.02)
        slow.go.set()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    slow = Slow()
    two, error, five = asyncio.run(ask())
    assert (two, five) == (5.0, 2.0)
    assert isinstance(error, ZeroDivisionError)


def test_progress_is_told_in_the_loop() -> None:
    shares: list[tuple[float, int]] = []

    async def ask() -> None:
        await batches.submit("a", slow, 1, lambda share: shares.append((share, threading.get_ident())))
        await asyncio.sleep(0.01)

    slow, batches = Slow(), Batches(10)
    slow.go.set()
    asyncio.run(ask())
    assert shares == [(1.0, threading.get_ident())]
