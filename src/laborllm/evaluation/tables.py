"""Statistics to the rows of tidy tables; what may not be shown is null, with a note that says why."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import polars as pl

from laborllm.errors import OptionError
from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.evaluation.groups.partitions import ALL
from laborllm.evaluation.metrics.metric import Measured, Metric
from laborllm.evaluation.sample import Sample
from laborllm.evaluation.scores.portions import Scores
from laborllm.privacy import SMALLEST_CELL

WITHHELD = f"fewer than {SMALLEST_CELL} workers, or would give such a cell away"
WITHHELD_WEIGHTED = f"fewer than {SMALLEST_CELL} workers, dominated by one or two, or would give such a cell away"
ONE_SIDED = f"fewer than {SMALLEST_CELL} workers with the event, or without it"
INFINITE = "an observed record has probability zero"
UNDEFINED = "not defined for these records"

Row = dict[str, object]
Pairs = Literal["reference", "all"] | Sequence[tuple[str, str]]

COUNTS = {"records": pl.Int64(), "workers": pl.Int64()}
NUMBERS = dict.fromkeys(("estimate", "standard_error", "low", "high"), pl.Float64())
LEVEL = {"group": pl.String(), "level": pl.String()}
ESTIMATES: dict[str, pl.DataType] = {
    "model": pl.String(),
    "metric": pl.String(),
    **LEVEL,
    **COUNTS,
    **NUMBERS,
    "note": pl.String(),
}
"""Columns of `Evaluation.estimates`."""

COMPARISONS: dict[str, pl.DataType] = {
    "model": pl.String(),
    "reference": pl.String(),
    "metric": pl.String(),
    "comparison": pl.String(),
    **LEVEL,
    **COUNTS,
    **NUMBERS,
    "note": pl.String(),
}
"""Columns of `Evaluation.comparisons`."""


@dataclass(frozen=True)
class Found:
    """One metric, and what it is for each model that has it, by name."""

    metric: Metric
    measured: dict[str, Measured]


def measure(sample: Sample, scores: Mapping[str, Scores], metrics: Sequence[Metric]) -> list[Found]:
    """Each metric of the models whose forecasts have what it needs.

    Args:
        sample: The records, their cells and their draws.
        scores: Name of a model -> its scores of the records.
        metrics: What to compute.

    Returns:
        What was found, a metric each; none for a metric that no model has the scores for.
    """
    found = []
    for metric in metrics:
        measured = {}
        for name, each in scores.items():
            values = [blocks for need in metric.scores if (blocks := each[need]) is not None]
            if len(values) == len(metric.scores):
                measured[name] = metric.measure(values, sample)
        if measured:
            found.append(Found(metric, measured))
    return found


def estimate_table(sample: Sample, found: Sequence[Found]) -> pl.DataFrame:
    """A row per model, metric and cell."""
    rows = [
        {"model": model, "metric": each.metric.name, **counts}
        | _numbers(measured.statistics[cell], _withheld(sample, cell), measured.defined[cell])
        for each in found
        for cell, counts in _cells(sample, each)
        for model, measured in each.measured.items()
    ]
    return pl.DataFrame(rows, schema=ESTIMATES)


def comparison_table(sample: Sample, found: Sequence[Found], pairs: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """The tidy table of comparisons.

    Args:
        sample: The records, their cells and their draws.
        found: Metrics of all models.
        pairs: A model and what it is compared with, each.

    Returns:
        A row per pair, metric, comparison and cell: model minus reference, or model over reference.
    """
    rows = [
        {"model": model, "reference": reference, "metric": each.metric.name, "comparison": comparison, **counts}
        | _numbers(statistic, _withheld(sample, cell), own.defined[cell] and other.defined[cell])
        for each in found
        for model, reference in pairs
        if model in each.measured and reference in each.measured
        for own, other in [(each.measured[model], each.measured[reference])]
        for cell, counts in _cells(sample, each)
        for comparison, statistic in _compared(each.metric, own.statistics[cell], other.statistics[cell])
    ]
    return pl.DataFrame(rows, schema=COMPARISONS)


def choose_pairs(models: Sequence[str], reference: str | None, pairs: Pairs) -> list[tuple[str, str]]:
    """Which models are compared.

    Args:
        models: Their names.
        reference: The model that all others are compared with; None: the first.
        pairs: "all", "reference", or pairs of names.

    Returns:
        Pairs of a model and what it is compared with.

    Raises:
        OptionError: A model of a pair, or the reference, is not among the models.
    """
    named = [reference] if reference is not None else []
    named += [model for pair in pairs for model in pair] if not isinstance(pairs, str) else []
    for name in named:
        if name not in models:
            raise OptionError(f"the reference {name!r} is not among the models: use {', '.join(models)}")
    against = models[0] if reference is None else reference
    if pairs == "all":
        return [(second, first) for first, second in combinations(models, 2)]
    if pairs == "reference":
        return [(model, against) for model in models if model != against]
    return [(str(model), str(other)) for model, other in pairs]


def _cells(sample: Sample, found: Found) -> Iterator[tuple[int, Row]]:
    """The cells that a metric has rows for, with their counts: not those of groups in which it is nowhere defined."""
    defined = np.any([measured.defined for measured in found.measured.values()], axis=0)
    groups = {cell.group for at, cell in enumerate(sample.cells) if defined[at]}
    for at, cell in enumerate(sample.cells):
        if cell.group in groups or cell.group == ALL:
            yield at, {"group": cell.group, "level": cell.level, **sample.counts[at]}


def _compared(metric: Metric, own: Bootstrapped, other: Bootstrapped) -> Iterator[tuple[str, Bootstrapped]]:
    for comparison in metric.comparisons:
        yield comparison, own - other if comparison == "difference" else own / other


def _withheld(sample: Sample, cell: int) -> str | None:
    """Why the numbers of a cell may not be shown; None where they may."""
    if not sample.hidden[cell]:
        return None
    return WITHHELD_WEIGHTED if sample.is_weighted else WITHHELD


def _numbers(statistic: Bootstrapped, withheld: str | None, defined: np.bool_ | bool) -> Row:
    """The number columns and the note of one statistic."""
    if withheld is not None or not defined:
        return {**dict.fromkeys(NUMBERS), "note": withheld or ONE_SIDED}
    value = float(statistic.estimate)
    low, high = statistic.interval
    numbers = {"estimate": value, "standard_error": statistic.standard_error, "low": low, "high": high}
    shown = {name: None if math.isnan(number) else number for name, number in numbers.items()}
    return {**shown, "note": INFINITE if math.isinf(value) else UNDEFINED if math.isnan(value) else None}
