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


def test_a_slow_model_refuses_at_once_what_it_would_not_come_to_in_time() -> None:
    """A thousand steps take a twentieth of a second or more, so that thousands do not fit into half a second."""

    def work(items: Sequence[int], on_progress: OnProgress) -> list[int]:
        time.sleep(0.05)
        return list(items)

    async def ask() -> None:
        assert await batches.submit("a", work, 1, steps=100_000) == 1  # idle, and of no known pace
        assert await batches.submit("a", work, 2, steps=1_000) == 2
        running = asyncio.create_task(batches.submit("a", work, 3, steps=1_000))
        await started(running)
        with pytest.raises(BusyError):
            batches.require_room(9_500)
        batches.require_room(100)
        assert await running == 3
        assert await batches.submit("a", work, 4, steps=100_000) == 4  # idle again

    batches = Batches(10, seconds=0.5)
    asyncio.run(ask())


def test_those_who_wait_are_told_as_soon_as_a_model_turns_out_to_be_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand steps take ten seconds: of four who wait half a minute for a thousand each, two will be answered, and
    the others hear when the first has ended."""

    def work(items: Sequence[int], on_progress: OnProgress) -> list[int]:
        time.sleep(0.05)
        now.append(now[-1] + 10)
        return list(items)

    async def ask() -> list[object]:
        first = asyncio.create_task(batches.submit("a", work, 0, steps=1_000))
        await started(first)
        others = [asyncio.create_task(batches.submit(item, work, item, steps=1_000)) for item in range(1, 5)]
        assert await first == 0
        await asyncio.sleep(0)
        assert [task.done() for task in others] == [False, False, True, True]
        return list(await asyncio.gather(*others, return_exceptions=True))

    now = [0.0]
    monkeypatch.setattr("laborllm.serve.batching.time.perf_counter", lambda: now[-1])
    batches = Batches(10, seconds=30)
    one, two, *late = asyncio.run(ask())
    assert (one, two) == (1, 2)
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
