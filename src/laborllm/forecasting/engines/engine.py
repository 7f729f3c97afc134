"""Where the shards of a long result are computed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from laborllm.errors import OptionError
from laborllm.forecasting.engines.job import Compute, Done, Job, Span, save_shard
from laborllm.forecasting.engines.shards import Shards
from laborllm.panel.files.store import Careers, PanelFile


@dataclass(frozen=True)
class Engine:
    """Where the shards of a result are computed. The result is the same, byte for byte, and a job that one engine began
    another one ends.

    Attributes:
        engine: Where a long result is computed: `local`, on this machine, or `ray`, on a Ray cluster whose machines all
            see the panel and the result.
        processes: Processes that each hold the model. Default: this one only, or as many as the cluster has cores.
        address: Address of a Ray cluster, or `auto` for the one this machine is part of. Default: one of this machine,
            for as long as it takes.
        gpus: GPUs of each process of a Ray cluster, or part of one.
    """

    engine: Literal["local", "ray"] = "local"
    processes: int | None = None
    address: str | None = None
    gpus: float = 0

    def __post_init__(self) -> None:
        if self.processes is not None and self.processes < 1:
            raise OptionError(f"cannot compute in {self.processes} processes: at least 1 is needed")
        if self.engine == "local" and (self.address is not None or self.gpus):
            raise OptionError("an address and GPUs are of the engine ray: this machine finds its own")
        if self.gpus < 0:
            raise OptionError(f"a process cannot have {self.gpus:g} GPUs")

    def run(self, compute: Compute, careers: Careers, shards: Shards, records: int) -> Iterator[Done]:
        """Compute the shards that are missing, and name all of them in any order.

        Args:
            compute: Computes the part of some careers.
            careers: All of them.
            shards: The folder to write to.
            records: Records of a shard, at least; the last one may have fewer.

        Yields:
            Each shard, once it is whole.

        Raises:
            OptionError: Careers that are not in a file, which other processes could not read.
            RunError: Processes die one after the other.
        """
        if self == LOCAL:
            for number, portion in enumerate(careers.portions(records)):
                ready = shards.find(number)
                yield Done(number, len(portion), ready) if ready else save_shard(compute, portion, shards, number)
            return
        if not isinstance(careers, PanelFile):
            raise OptionError("several processes read careers from a file: save the panel first")
        missing = []
        for number, (start, end, length) in enumerate(careers.spans(records)):
            if ready := shards.find(number):
                yield Done(number, length, ready)
            else:
                missing.append(Span(number, start, end))
        if missing:
            yield from self._elsewhere(Job.of(compute, careers, shards), missing)

    def _elsewhere(self, job: Job, spans: Sequence[Span]) -> Iterator[Done]:
        if self.engine == "local":
            from laborllm.forecasting.engines.processes import run_in_processes

            return run_in_processes(job, spans, self.processes or 1)
        from laborllm.forecasting.engines.on_ray import run_on_ray

        return run_on_ray(job, spans, address=self.address, actors=self.processes, gpus=self.gpus)


LOCAL = Engine()
"""This process."""
