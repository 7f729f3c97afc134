"""The runs of a study one after the other, or over processes."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import chain
from multiprocessing import get_context

from laborllm.errors import OptionError
from laborllm.progress import progress
from laborllm.runtime import set_up_process
from laborllm.studies.protocol.cache import RunCache
from laborllm.studies.protocol.runs import Job, Scores, in_order


def run_jobs(cache: RunCache, asked: Sequence[Scores], *, processes: int = 1) -> None:
    """Make every run that is asked for and not there yet.

    Args:
        cache: Where they are kept.
        asked: What the questions need.
        processes: How many runs are made at once, each in a process of its own.

    Raises:
        OptionError: Fewer than one process.
        LaborLLMError: A run that cannot be made; those that were made before it are kept.
    """
    if processes < 1:
        raise OptionError(f"a study runs in at least one process, not {processes}")
    planned = in_order(list(asked))
    for job in chain(*planned):
        cache.tidy(job)
    stages = [[job for job in stage if not cache.has(job)] for stage in planned]
    with progress("study", sum(map(len, stages)), "runs") as advance:
        for stage in filter(None, stages):
            if processes == 1:
                for job in stage:
                    advance(note=_make(cache, job))
                continue
            with _pool(min(processes, len(stage))) as pool:
                for done in as_completed([pool.submit(_make, cache, job) for job in stage]):
                    advance(note=done.result())


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=set_up_process)


def _make(cache: RunCache, job: Job) -> str:
    cache.make(job)
    return cache.place(job).name
