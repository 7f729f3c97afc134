"""Open records of few people: what is published of a panel is then of its other records."""

from collections.abc import Iterator

import polars as pl

from laborllm.panel.files.store import Careers
from laborllm.panel.panel import ROWS_TOGETHER, Panel
from laborllm.privacy import SMALLEST_CELL


def has_few_open(careers: Careers) -> bool:
    """Whether some workers have an open record, and too few for their number to be shown; not in a panel of so few."""
    workers = with_open = 0
    for portion in careers.portions(ROWS_TOGETHER):
        workers += portion.workers
        with_open += portion.records.filter(pl.col("occupation").is_null())["worker"].n_unique()
        if with_open >= SMALLEST_CELL:
            return False
    return with_open > 0 and workers >= SMALLEST_CELL


def shown_portions(careers: Careers) -> Iterator[Panel]:
    """Careers some at a time, without the open records if those are of few."""
    few = has_few_open(careers)
    for portion in careers.portions(ROWS_TOGETHER):
        if not few:
            yield portion
        elif portion.open_records < len(portion):
            yield portion.observed()


def shown_size(panel: Panel) -> str:
    """How many records a panel has and of how many workers, in words, without the open records if those are of few."""
    shown = panel.observed() if has_few_open(panel) else panel
    return f"{len(shown):,} records of {shown.workers:,} workers"
