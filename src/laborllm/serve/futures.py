"""What a server computes: the years ahead of some workers, in batches, with the numbers of each worker her own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from laborllm.forecasting.simulation.result import Difference, Simulation
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.forecasting.simulation.what_if import what_if
from laborllm.progress import reported
from laborllm.serve.answers import part_of
from laborllm.serve.batching import Batches, OnProgress
from laborllm.serve.inputs.careers import Worker, panel_of
from laborllm.serve.served import Served

SEED = 0
Pair = tuple[Worker, Worker]


@dataclass(frozen=True, eq=False)
class Futures:
    """Simulates what clients ask for.

    Attributes:
        served: The model.
        batches: Where the work is done.
    """

    served: Served
    batches: Batches

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

        def compute(asked: Sequence[Sequence[Worker]], on_progress: OnProgress) -> list[Simulation]:
            return self._simulate(asked, draws, seed, on_progress)

        open_records = sum(row[1] is None for row in workers[0].rows)
        key = ("simulate", open_records, draws, seed)
        paths = len(workers) * draws
        found: Simulation = await self.batches.submit(key, compute, workers, on_progress, paths=paths)
        return found

    async def what_if(self, worker: Worker, other: Worker, *, draws: int, seed: int = SEED) -> Difference:
        """How the years ahead of a worker differ in another version of her career.

        Args:
            worker: The career, with open records.
            other: The other version, with open records of the same years.
            draws: Paths of each version.
            seed: Seed of the draws, which both share.
        """

        def compute(asked: Sequence[Pair], on_progress: OnProgress) -> list[Difference]:
            panels = ([panel_of([worker], self.served) for worker in pair] for pair in asked)
            with reported(on_progress):
                return [what_if(self.served.fitted, *pair, draws=draws, seed=seed) for pair in panels]

        found: Difference = await self.batches.submit(object(), compute, (worker, other), paths=2 * draws)
        return found

    def _simulate(
        self, asked: Sequence[Sequence[Worker]], draws: int, seed: int, on_progress: OnProgress
    ) -> list[Simulation]:
        found: dict[int, Simulation] = {}
        for named, requests in rounds(asked):
            panel = panel_of(list(named.values()), self.served)
            with reported(_part_of(on_progress, len(found) / len(asked), len(requests) / len(asked))):
                whole = simulate(self.served.fitted, panel, draws=draws, seed=seed)
            place = {name: at for at, name in enumerate(whole.workers["worker"])}
            for at in requests:
                found[at] = part_of(whole, [place[worker.name] for worker in asked[at]])
        return [found[at] for at in range(len(asked))]


def rounds(asked: Sequence[Sequence[Worker]]) -> Iterator[tuple[dict[str, Worker], list[int]]]:
    """Requests that can be simulated together, as no worker has two careers among them.

    Args:
        asked: The careers of each request. Careers of one name that differ, as in the years ahead, are drawn the same
            numbers and need simulations of their own.

    Yields:
        The careers of a simulation by name, and the places of its requests.
    """
    waiting = list(range(len(asked)))
    while waiting:
        named: dict[str, Worker] = {}
        now, later = [], []
        for at in waiting:
            if all(named.get(worker.name, worker) == worker for worker in asked[at]):
                named |= {worker.name: worker for worker in asked[at]}
                now.append(at)
            else:
                later.append(at)
        yield named, now
        waiting = later


def _part_of(on_progress: OnProgress, before: float, part: float) -> OnProgress:
    """Hears of a part of the work, after what was done before it."""
    return lambda share: on_progress(before + part * share)
