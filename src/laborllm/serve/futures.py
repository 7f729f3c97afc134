"""What a server computes: the years ahead of some workers, in batches, with the numbers of each worker her own."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from laborllm.forecasting.simulation.simulate import Simulation, simulate
from laborllm.forecasting.simulation.what_if import Difference, what_if
from laborllm.progress import reported
from laborllm.serve.answers import part_of
from laborllm.serve.batching import Batches, OnProgress
from laborllm.serve.inputs.careers import Worker, panel_of
from laborllm.serve.served import Served

SEED = 0
TOGETHER = 10  # draws of a career up to which requests are computed together: many paths are no faster so


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
        open_records = sum(row[1] is None for row in workers[0].rows)
        key: Hashable = ("simulate", open_records, draws, seed) if draws <= TOGETHER else object()

        def compute(asked: Sequence[Sequence[Worker]], on_progress: OnProgress) -> list[Simulation]:
            return self._simulate(asked, draws, seed, on_progress)

        found: Simulation = await self.batches.submit(key, compute, workers, on_progress)
        return found

    async def what_if(self, worker: Worker, other: Worker, *, draws: int, seed: int = SEED) -> Difference:
        """How the years ahead of a worker differ in another version of her career.

        Args:
            worker: The career, with open records.
            other: The other version, with open records of the same years.
            draws: Paths of each version.
            seed: Seed of the draws, which both share.
        """

        def compute(asked: Sequence[tuple[Worker, Worker]], on_progress: OnProgress) -> list[Difference]:
            panels = ([panel_of([worker], self.served) for worker in pair] for pair in asked)
            return [what_if(self.served.fitted, *pair, draws=draws, seed=seed) for pair in panels]

        found: Difference = await self.batches.submit(("what-if", draws, seed), compute, (worker, other))
        return found

    def _simulate(
        self, asked: Sequence[Sequence[Worker]], draws: int, seed: int, on_progress: OnProgress
    ) -> list[Simulation]:
        distinct = {worker.name: worker for workers in asked for worker in workers}
        with reported(on_progress):
            whole = simulate(self.served.fitted, panel_of(list(distinct.values()), self.served), draws=draws, seed=seed)
        place = {name: at for at, name in enumerate(whole.workers["worker"])}
        return [part_of(whole, [place[worker.name] for worker in workers]) for workers in asked]
