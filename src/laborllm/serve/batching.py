"""One thread that computes, and the queue before it: requests that came while it was busy are computed together."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

Compute = Callable[[Sequence[Any], "OnProgress"], Sequence[Any]]
OnProgress = Callable[[float], None]
"""Hears what share of a computation is done, 0 to 1."""


class BusyError(Exception):
    """Too many requests wait for the model already."""


class AbandonedError(Exception):
    """Nobody waits for what is computed: it ends at its next step."""


@dataclass(eq=False)
class Waiting:
    """A request in the queue."""

    key: Hashable
    compute: Compute
    item: object
    paths: int
    on_progress: OnProgress
    answer: asyncio.Future[Any]


@dataclass(eq=False)
class Batches:
    """Computes one batch at a time in a thread of its own.

    Attributes:
        most: Requests that may wait; more are refused with `BusyError`.
        together: Paths that are computed at a time, at most; a request of more is computed by itself.
        seen: Hears the size of every batch.
    """

    most: int
    together: int = 8_192
    seen: Callable[[int], None] = lambda size: None
    _queue: deque[Waiting] = field(default_factory=deque)
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "model"))
    _worker: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def require_room(self) -> None:
        """Raise `BusyError` if the queue is full: call it before any other work on a request."""
        if len(self._queue) >= self.most:
            raise BusyError

    async def submit(
        self,
        key: Hashable,
        compute: Compute,
        item: object,
        on_progress: OnProgress = lambda share: None,
        *,
        paths: int = 1,
    ) -> Any:
        """The answer to `item`.

        Args:
            key: Items of one key that wait at the same time are handed to `compute` together.
            compute: Takes items, and gives an answer to each.
            item: What is asked.
            on_progress: Hears what share of the batch is done.
            paths: How much work it is.

        Raises:
            BusyError: The queue is full.
        """
        self.require_room()
        waiting = Waiting(key, compute, item, paths, on_progress, asyncio.get_running_loop().create_future())
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
            await self._answer(batch)

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
        batch, paths = live[:1], sum(waiting.paths for waiting in live[:1])
        for waiting in live[1:]:
            if waiting.key == batch[0].key and paths + waiting.paths <= self.together:
                batch.append(waiting)
                paths += waiting.paths
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
