"""Reliability curves of the models: how often an event happened, by the probability they gave it."""

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from laborllm.evaluation.arrays import Bools, Numbers
from laborllm.evaluation.bootstrap import Partition
from laborllm.evaluation.metrics import CALIBRATED
from laborllm.evaluation.metrics.corp import reliability_bins
from laborllm.evaluation.sample import Sample
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
        for row in _curve(sample, event.domain(sample.history), given.get(event.probability), given.get(event.outcome))
    ]
    return pl.DataFrame(rows, schema=RELIABILITY)


def _curve(sample: Sample, domain: Bools, predicted: Numbers | None, happened: Numbers | None) -> Iterator[Row]:
    if predicted is None or happened is None or not sample.has_both_outcomes(domain, happened):
        return
    among = np.flatnonzero(domain)
    found = reliability_bins(predicted[among], happened[among], sample.design.weight[among], sample.worker[among])
    bins = Partition(np.full(len(domain), -1), int(found.max()) + 1)
    bins.cell[among] = found
    means = sample.bootstrap.mean_by(np.stack([predicted, happened], axis=1), [bins])
    for at in range(bins.cells):
        members, share = bins.cell == at, means[1, at]
        low, high = share.interval
        yield {
            "predicted": float(means.estimate[0, at]),
            "records": int(members.sum()),
            "workers": sample.workers_in(members),
            "estimate": float(share.estimate),
            "standard_error": share.standard_error,
            "low": low,
            "high": high,
        }
