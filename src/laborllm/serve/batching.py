"""One thread that computes, and the queue before it: requests that came while it was busy are computed together.

Work is counted in steps, a year of a path each. What the last long work took says how long the queue is in seconds, so
that a slow model refuses at once what it would not come to in time: when it comes, or when it turns out to be slower.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

Compute = Callable[[Sequence[Any], "OnProgress"], Sequence[Any]]
OnProgress = Callable[[float], None]
"""Hears what share of a computation is done, 0 to 1."""


LONG = 1_000  # steps of work beside which all else that it takes is nothing
TURN = 2.0  # seconds that much work may take before others have their turn
BELIEVED = 60.0  # seconds that what was measured holds for an idle model


class BusyError(Exception):
    """Too many requests wait for the model already."""


class AbandonedError(Exception):
    """Nobody waits for what is computed: it ends at its next step."""


@dataclass(eq=False)
class Waiting:
    """A request in the queue. `until`: when its answer would come too late."""

    key: Hashable
    compute: Compute
    item: object
    steps: int
    on_progress: OnProgress
    answer: asyncio.Future[Any]
    until: float


@dataclass(eq=False)
class Batches:
    """Computes one batch at a time in a thread of its own.

    Attributes:
        most: Requests that may wait; more are refused with `BusyError`.
        seconds: How long what waits may take, as far as is known; more is refused with `BusyError`.
        together: Steps that are computed at a time, at most, however fast; a request of more is computed by itself.
        seen: Hears the size of every batch.
    """

    most: int
    seconds: float = math.inf
    together: int = 20_480
    seen: Callable[[int], None] = lambda size: None
    _queue: deque[Waiting] = field(default_factory=deque)
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "model"))
    _worker: asyncio.Task[None] | None = None
    _running: int = 0
    _pace: float = 0.0
    _measured: float = -math.inf

    def __len__(self) -> int:
        return len(self._queue)

    def require_room(self, steps: int = 1) -> None:
        """Raise `BusyError` if the queue is full, or too long for so many steps more: call it before any other work.

        A model that has been idle for long takes any work, so that its pace is measured again.
        """
        live = [each.steps for each in self._queue if not each.answer.done()]
        waiting = self._running + sum(live)
        is_known = waiting or time.perf_counter() - self._measured < BELIEVED
        if len(live) >= self.most or (is_known and (waiting + steps) * self._pace > self.seconds):
            raise BusyError

    @property
    def at_once(self) -> int:
        """Steps that are computed at a time, at most: fewer where they would take longer than a turn."""
        return min(self.together, max(LONG, int(TURN / self._pace))) if self._pace else self.together

    async def submit(
        self,
        key: Hashable,
        compute: Compute,
        item: object,
        on_progress: OnProgress = lambda share: None,
        *,
        steps: int = 1,
        is_let_in: bool = False,
    ) -> Any:
        """The answer to `item`.

        Args:
            key: Items of one key that wait at the same time are handed to `compute` together.
            compute: Takes items, and gives an answer to each.
            item: What is asked.
            on_progress: Hears what share of the batch is done.
            steps: How much work it is.
            is_let_in: Whether it goes on with work that was let in, and needs no room.

        Raises:
            BusyError: The queue is full, or the model turns out to be too slow for it.
        """
        if not is_let_in:
            self.require_room(steps)
        until = math.inf if is_let_in else time.perf_counter() + self.seconds
        waiting = Waiting(key, compute, item, steps, on_progress, asyncio.get_running_loop().create_future(), until)
        self._queue.append(waiting)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await waiting.answer

    async def close(self) -> None:
        """Compute what is waited for, then end the thread."""
        if self._worker is not None:
            await self._worker
        self._thread.shutdown()

    async def _work(self) -> None:
        while batch := self._next():
            self.seen(len(batch))
            start, self._running = time.perf_counter(), sum(waiting.steps for waiting in batch)
            await self._answer(batch)
            if self._running >= LONG:
                self._measured = time.perf_counter()
                self._pace = (self._measured - start) / self._running
                self._refuse_late()
            self._running = 0

    def _refuse_late(self) -> None:
        """Tell those who wait for what the model would not come to in time that it is busy."""
        end = time.perf_counter()
        for waiting in self._queue:
            if waiting.answer.done():
                continue
            took = waiting.steps * self._pace
            if end + took > waiting.until:
                waiting.answer.set_exception(BusyError())
            else:
                end += took

    async def _answer(self, batch: Sequence[Waiting]) -> None:
        """Compute requests together; where that fails, each by itself, so that nobody gets the error of another."""
        loop = asyncio.get_running_loop()
        items = [waiting.item for waiting in batch]
        try:
            answers = await loop.run_in_executor(self._thread, batch[0].compute, items, _tell_all(batch, loop))
        except Exception as error:
            for waiting in batch:
                if waiting.answer.done():
                    continue
                if len(batch) > 1:
                    await self._answer([waiting])
                else:
                    waiting.answer.set_exception(error)
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)

    def _next(self) -> list[Waiting]:
        """The oldest request, and others of its key while there is room; those whose client has left are dropped."""
        live = [waiting for waiting in self._queue if not waiting.answer.done()]
        batch, steps = live[:1], sum(waiting.steps for waiting in live[:1])
        for waiting in live[1:]:
            if waiting.key == batch[0].key and steps + waiting.steps <= self.at_once:
                batch.append(waiting)
                steps += waiting.steps
        self._queue = deque(waiting for waiting in live if waiting not in batch)
        return batch


def _tell_all(batch: Sequence[Waiting], loop: asyncio.AbstractEventLoop) -> OnProgress:
    """Tells every request of a batch, from the thread of the model; raises `AbandonedError` where all clients left."""

    def on_progress(share: float) -> None:
        if all(waiting.answer.done() for waiting in batch):
            raise AbandonedError
        for waiting in batch:
            loop.call_soon_threadsafe(waiting.on_progress, share)

    return on_progress
