"""What a server computes: the years ahead of some workers, in batches, with the numbers of each worker her own.

Much work is done in pieces, each of which waits for its turn, so that whoever asks for little is not kept waiting long.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from laborllm.forecasting.simulation.result import Difference, Simulation
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.forecasting.simulation.what_if import what_if
from laborllm.progress import reported
from laborllm.serve.answers import Found, joined, part_of
from laborllm.serve.batching import LONG, Batches, OnProgress
from laborllm.serve.inputs.careers import Worker, panel_of
from laborllm.serve.served import Served

SEED = 0
YEAR, YEARS = 2020, 5  # of the first simulation
Versions = tuple[Worker, Worker]
Of = TypeVar("Of")
Named = Sequence[tuple[str, Of]]
"""Workers, or two versions of each, with their names: those of a request."""


@dataclass(frozen=True, eq=False)
class Futures:
    """Simulates what clients ask for.

    Attributes:
        served: The model.
        batches: Where the work is done.
        seconds: How long a client may wait for it; default: for ever. Then `TimeoutError` is raised.
    """

    served: Served
    batches: Batches
    seconds: float | None = None

    async def warm_up(self) -> None:
        """Simulate somebody whom nobody asked about, so that the queue knows beforehand how long the model takes."""
        code = self.served.taxonomy.codes[0]
        worker = Worker(((YEAR, code, None, None, None, None, None),)).open(range(YEAR + 1, YEAR + 1 + YEARS))
        await self.simulate([worker], draws=LONG // YEARS)

    async def simulate(
        self, workers: Sequence[Worker], *, draws: int, seed: int = SEED, on_progress: OnProgress = lambda share: None
    ) -> Simulation:
        """The open records of some workers.

        Args:
            workers: Careers with the same number of open records each.
            draws: Paths of each.
            seed: Seed of the draws.
            on_progress: Hears what share is done, 0 to 1.

        Returns:
            The simulation of the workers, in their order.
        """

        def run(workers: Sequence[Worker]) -> Simulation:
            return simulate(self.served.fitted, panel_of(workers, self.served), draws=draws, seed=seed)

        def compute(asked: Sequence[Named[Worker]], on_progress: OnProgress) -> list[Simulation]:
            return in_rounds(asked, run, on_progress)

        years, found = _open_records(workers[0]), list[Simulation]()
        at_once = max(1, self.batches.at_once // (years * draws))
        async with asyncio.timeout(self.seconds):
            for start in range(0, len(workers), at_once):
                piece = [(worker.name, worker) for worker in workers[start : start + at_once]]
                heard = _part_of(on_progress, start / len(workers), len(piece) / len(workers))
                key, steps = ("simulate", years, draws, seed), len(piece) * years * draws
                found.append(await self.batches.submit(key, compute, piece, heard, steps=steps, is_let_in=bool(start)))
        return joined(found)

    async def what_if(self, worker: Worker, other: Worker, *, draws: int, seed: int = SEED) -> Difference:
        """How the years ahead of a worker differ in another version of her career.

        Args:
            worker: The career, with open records.
            other: The other version, with open records of the same years, drawn the same numbers.
            draws: Paths of each version.
            seed: Seed of the draws, which both share.
        """

        def run(pairs: Sequence[Versions]) -> Difference:
            one, two = (panel_of(version, self.served) for version in zip(*pairs, strict=True))
            return what_if(self.served.fitted, one, two, draws=draws, seed=seed)

        def compute(asked: Sequence[Named[Versions]], on_progress: OnProgress) -> list[Difference]:
            return in_rounds(asked, run, on_progress)

        years, named = _open_records(worker), [(worker.name, (worker, other))]
        key, steps = ("what-if", years, draws, seed), 2 * years * draws
        async with asyncio.timeout(self.seconds):
            found: Difference = await self.batches.submit(key, compute, named, steps=steps)
        return found


def in_rounds(asked: Sequence[Named[Of]], run: Callable[[Sequence[Of]], Found], on_progress: OnProgress) -> list[Found]:
    """What each of some requests asked for, computed together as far as can be.

    Args:
        asked: The requests.
        run: Computes some workers of different names.
        on_progress: Hears what share is done, 0 to 1.
    """
    found: dict[int, Found] = {}
    for named, requests in rounds(asked):
        with reported(_part_of(on_progress, len(found) / len(asked), len(requests) / len(asked))):
            whole = run(list(named.values()))
        place = {name: at for at, name in enumerate(whole.workers["worker"])}
        for at in requests:
            found[at] = part_of(whole, [place[name] for name, _ in asked[at]])
    return [found[at] for at in range(len(asked))]


def rounds(asked: Sequence[Named[Of]]) -> Iterator[tuple[dict[str, Of], list[int]]]:
    """Requests that can be computed together, as no worker has two careers among them.

    Args:
        asked: The workers of each request. Those of one name that differ, as in the years ahead or in their other
            version, are drawn the same numbers and need computations of their own.

    Yields:
        The workers of a computation by name, and the places of its requests.
    """
    waiting = list(range(len(asked)))
    while waiting:
        together: dict[str, Of] = {}
        now, later = [], []
        for at in waiting:
            if all(together.get(name, worker) == worker for name, worker in asked[at]):
                together.update(asked[at])
                now.append(at)
            else:
                later.append(at)
        yield together, now
        waiting = later


def _open_records(worker: Worker) -> int:
    return sum(row[1] is None for row in worker.rows)


def _part_of(on_progress: OnProgress, before: float, part: float) -> OnProgress:
    """Hears of a part of the work, after what was done before it."""
    return lambda share: on_progress(before + part * share)
