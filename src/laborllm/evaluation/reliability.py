"""Reliability curves of the models: how often an event happened, by the probability they gave it."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from laborllm.evaluation.metrics import CALIBRATED
from laborllm.evaluation.metrics.corp import reliability_bins
from laborllm.evaluation.portions import Score, Scores
from laborllm.evaluation.sample import Sample
from laborllm.privacy import SMALLEST_CELL

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


def reliability_scores() -> tuple[Score, ...]:
    """What the curves take of each record."""
    return tuple(score for event in CALIBRATED for score in (event.probability, event.outcome))


def reliability_table(sample: Sample, scores: Mapping[str, Scores]) -> pl.DataFrame:
    """A row per model, event and bin of the CORP curve: the mean probability given, and the share that happened."""
    rows = []
    for event in CALIBRATED:
        among = np.flatnonzero(event.domain(sample.history))
        if len(np.unique(sample.worker[among])) < SMALLEST_CELL:
            continue
        for model, given in scores.items():
            predicted, happened = given.get(event.probability), given.get(event.outcome)
            if predicted is None or happened is None:
                continue
            weight, worker = sample.design.weight[among], sample.worker[among]
            bins = np.zeros((len(sample.worker), 0), dtype=bool)
            found = reliability_bins(predicted[among], happened[among], weight, worker)
            bins = np.zeros((len(sample.worker), found.shape[1]), dtype=bool)
            bins[among] = found
            means = sample.bootstrap.mean(np.stack([predicted, happened], axis=1), bins)
            for at, members in enumerate(bins.T):
                share = means[1, at]
                low, high = share.interval
                rows.append(
                    {
                        "model": model,
                        "event": event.name,
                        "predicted": float(means.estimate[0, at]),
                        "records": int(members.sum()),
                        "workers": sample.workers_in(members),
                        "estimate": float(share.estimate),
                        "standard_error": share.standard_error,
                        "low": low,
                        "high": high,
                    }
                )
    return pl.DataFrame(rows, schema=RELIABILITY)
