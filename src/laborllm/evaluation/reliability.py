"""Reliability curves of the models: how often an event happened, by the probability they gave it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from laborllm.evaluation.arrays import Numbers
from laborllm.evaluation.bootstrap import ratios
from laborllm.evaluation.metrics import CALIBRATED
from laborllm.evaluation.metrics.corp import reliability_bins
from laborllm.evaluation.metrics.events import Cases, Event, EventCases
from laborllm.evaluation.sample import Sample
from laborllm.evaluation.scores.blocks import Blocks
from laborllm.evaluation.scores.ordered import in_order
from laborllm.evaluation.scores.portions import Score, Scores

RELIABILITY: dict[str, pl.DataType] = {
    "model": pl.String(),
    "event": pl.String(),
    "predicted": pl.Float64(),
    "records": pl.Int64(),
    "workers": pl.Int64(),
    "estimate": pl.Float64(),
    "standard_error": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
}
"""Columns of `Evaluation.reliability`."""

Row = dict[str, object]


def reliability_scores() -> tuple[Score, ...]:
    """What the curves take of each record."""
    return tuple(score for event in CALIBRATED for score in (event.probability, event.outcome))


def reliability_table(sample: Sample, scores: Mapping[str, Scores]) -> pl.DataFrame:
    """A row per model, event and bin of the CORP curve: the mean probability given, and the share that happened.

    An event has no curve where too few workers have it, or all but too few: the bins add up to how often it happened.
    """
    rows = [
        {"model": model, "event": event.name, **row}
        for event in CALIBRATED
        for model, given in scores.items()
        for row in _curve(event, given.get(event.probability), given.get(event.outcome), sample)
    ]
    return pl.DataFrame(rows, schema=RELIABILITY)


def _curve(
    event: Event, probability: Blocks[Numbers] | None, outcome: Blocks[Numbers] | None, sample: Sample
) -> Iterator[Row]:
    if probability is None or outcome is None:
        return
    cases = EventCases(event, (probability, outcome), sample)
    if not cases.have_both_outcomes()[0]:  # among all records
        return
    with in_order(cases, lambda part: part.probability) as ordered:
        ends = reliability_bins(ordered)
    bins = len(ends)
    given = ((part, np.stack([part.probability, part.outcome])) for part in _in_bins(cases, ends))
    means = ratios(sample.draws, given, bins)
    counts = [(np.bincount(part.cells[0], minlength=bins), part.workers_in(bins)) for part in _in_bins(cases, ends)]
    for at, (records, workers) in enumerate(np.sum(counts, axis=0).T.tolist()):
        share = means[1, at]
        low, high = share.interval
        yield {
            "predicted": float(means.estimate[0, at]),
            "records": records,
            "workers": workers,
            "estimate": float(share.estimate),
            "standard_error": share.standard_error,
            "low": low,
            "high": high,
        }


def _in_bins(cases: Iterable[Cases], ends: Numbers) -> Iterator[Cases]:
    """The cases in the bins that end at some probabilities."""
    for part in cases:
        yield replace(part, cells=np.searchsorted(ends, part.probability)[None])
