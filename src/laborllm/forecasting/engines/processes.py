"""Several processes of this machine, each of which holds the model."""

import multiprocessing
import os
import pickle
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from laborllm.errors import RunError
from laborllm.forecasting.engines.job import Done, Job, Span
from laborllm.runtime import set_up_process

WAITING = 2  # shards that are handed out to a process at a time: one to compute, one to begin with after it
DEATHS = 3  # of processes, with no shard finished between them: then the shard is to blame, not the machine

_job: Job


def run_in_processes(job: Job, spans: Sequence[Span], processes: int) -> Iterator[Done]:
    """Compute shards in several processes, and begin again with those that were lost when a process dies.

    Args:
        job: What to compute.
        spans: The shards.
        processes: How many processes; each has its part of the cores.

    Yields:
        Each shard that was written, in any order.

    Raises:
        RunError: Processes die one after the other.
    """
    left = {span.number: span for span in spans}
    deaths = 0
    while left:
        try:
            for done in _run_in_pool(job, [*left.values()], processes):
                del left[done.number]
                deaths = 0
                yield done
        except BrokenProcessPool as error:
            deaths += 1
            if deaths == DEATHS:
                raise RunError(
                    f"{deaths} processes died in a row, perhaps for lack of memory: what is finished is kept",
                    hint="use fewer processes",
                ) from error


def _run_in_pool(job: Job, spans: Sequence[Span], processes: int) -> Iterator[Done]:
    threads = max(1, (os.cpu_count() or 1) // processes)
    arguments = (pickle.dumps(job), threads)
    context = multiprocessing.get_context("forkserver")  # threads of this process would not live through a fork
    context.set_forkserver_preload(["torch"])
    with ProcessPoolExecutor(processes, context, initializer=_begin, initargs=arguments) as pool:
        waiting = iter(spans)
        running: set[Future[Done]] = set()
        try:
            while True:
                for span in waiting:
                    running.add(pool.submit(_run, span))
                    if len(running) == WAITING * processes:
                        break
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
        finally:
            for future in running:
                future.cancel()


def _begin(job: bytes, threads: int) -> None:
    """Set up a process: it holds the model, and ends when the process that started it does."""
    import torch

    global _job
    threading.Thread(target=_end_with_parent, daemon=True).start()
    set_up_process()
    torch.set_num_threads(threads)
    _job = pickle.loads(job)


def _run(span: Span) -> Done:
    return _job.run(span)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
