"""Actors of a Ray cluster, each of which holds the model (Ray Data: https://docs.ray.io/en/latest/data).

The panel file and the folder of the shards must be on a file system that all machines of the cluster see. Ray hands a
shard to an actor when one is free, and starts an actor again, with the shard it had, when its machine is lost.
"""

import logging
import socket
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from laborllm.errors import CapacityError, OptionError, RunError, first_line
from laborllm.forecasting.engines.job import Done, Job, Span

if TYPE_CHECKING:
    from ray import data

PATIENCE = 10  # seconds to wait for a cluster to answer: Ray itself waits for many minutes
BLOCKS = 4096  # in which shards are handed out, at most: Ray keeps books about each


class Actor:
    """A process of the cluster that computes shards.

    Args:
        job: The pickled job, in the object store of the cluster.
    """

    def __init__(self, job: Any) -> None:
        import ray

        from laborllm.runtime import set_up_process

        set_up_process()
        self.job: Job = ray.cloudpickle.loads(ray.get(job))

    def __call__(self, spans: dict[str, Any]) -> dict[str, list[Any]]:
        """Compute the shards of a batch of spans; a row for each that was written."""
        columns = zip(*(spans[name].tolist() for name in Span._fields), strict=True)
        done = [self.job.run(Span(*span)) for span in columns]
        return {name: [getattr(one, name) for one in done] for name in Done._fields}


def run_on_ray(
    job: Job, spans: Sequence[Span], *, address: str | None = None, actors: int | None = None, gpus: float = 0
) -> Iterator[Done]:
    """Compute shards on a Ray cluster.

    Args:
        job: What to compute.
        spans: The shards.
        address: Address of the cluster, or "auto" for the one this machine is part of; default: one that is started
            on this machine, and stopped at the end.
        actors: How many actors; default: one per core of the cluster, or per GPU.
        gpus: GPUs of an actor, or part of one.

    Yields:
        Each shard that was written, in any order.

    Raises:
        OptionError: Ray is not installed, or no cluster is at the address.
        CapacityError: The cluster has no GPU, or too few of them.
        RunError: The cluster gave up.
    """
    try:
        import ray
    except ModuleNotFoundError as error:
        raise OptionError(
            "Ray is not installed", hint='install it with pip install "laborllm[scale]", or use processes'
        ) from error
    _connect(address)
    try:
        for row in _written(job, spans, actors, gpus).iter_rows():
            yield Done(**row)
    except ray.exceptions.RayError as error:
        raise RunError(f"the Ray cluster gave up: {str(error).splitlines()[-1]}: what is finished is kept") from error
    finally:
        ray.shutdown()


def _connect(address: str | None) -> None:
    """Connect to a cluster, or start one on this machine. Raises `OptionError` or `RunError` where there is none."""
    import ray

    _require_cluster(address)
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    except Exception as error:  # of no class of its own where Ray's processes are not ready in time
        if address is None:
            raise RunError(f"Ray did not start on this machine: {first_line(error)}") from error
        raise OptionError(f"no Ray cluster at {address}: {first_line(error)}") from error


def _written(job: Job, spans: Sequence[Span], actors: int | None, gpus: float) -> "data.Dataset":
    """A row for each shard, written when the row is read. Raises `CapacityError` where the cluster has too few GPUs."""
    import ray
    from ray import data

    data.DataContext.get_current().enable_progress_bars = False
    held = ray.put(ray.cloudpickle.dumps(job))  # type: ignore[no-untyped-call]
    available = ray.cluster_resources()  # type: ignore[no-untyped-call]
    if gpus and available.get("GPU", 0) < gpus:
        raise CapacityError(f"the cluster has {available.get('GPU', 0):g} GPUs: an actor is to have {gpus:g}")
    most = int(available["GPU"] / gpus) if gpus else int(available["CPU"])
    rows = data.from_items([span._asdict() for span in spans], override_num_blocks=min(BLOCKS, len(spans)))
    return rows.map_batches(
        Actor,
        fn_constructor_args=(held,),
        batch_size=1,
        compute=data.ActorPoolStrategy(size=min(actors or most, len(spans))),
        num_cpus=0 if gpus else 1,
        num_gpus=gpus,
    )


def _require_cluster(address: str | None) -> None:
    """Raise `OptionError` if nobody answers at an address, or it is none."""
    if address is None or address == "auto":
        return
    try:
        parts = urlsplit(address if "://" in address else f"ray://{address}")
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE).close()
    except (OSError, ValueError) as error:
        raise OptionError(f"no Ray cluster at {address}: {error}") from error
