"""Records grouped by their predicted probability, to set beside how often the event came."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.evaluation.arrays import Bools, Indices
from laborllm.evaluation.bootstrap import Floats
from laborllm.evaluation.ranking import CHANGE, top_hits
from laborllm.evaluation.sample import COUNTS, ESTIMATE, Cells, Row, Sample, Schema, estimate_columns
from laborllm.evaluation.scores import Distribution
from laborllm.panel.order import record_before

BINS = 10
LIKELIEST = "likeliest occupation"


def calibration_table(sample: Sample, distributions: Mapping[str, Distribution]) -> pl.DataFrame:
    """model, event, bin, predicted (mean probability), records, workers and the estimate (the share observed).

    event: a change of occupation, among records with a past; or that the likeliest occupation is the observed one.
    """
    rows: list[Row] = [
        row
        for model, given in distributions.items()
        for event, predicted, occurred, among in _events(sample, given)
        if among.any()
        for row in _bin_rows(sample, {"model": model, "event": event}, predicted, occurred, among)
    ]
    keys: Schema = {"model": pl.String(), "event": pl.String(), "bin": pl.Int64(), "predicted": pl.Float64()}
    return pl.DataFrame(rows, schema=keys | COUNTS | ESTIMATE)


def _events(sample: Sample, given: Distribution) -> list[tuple[str, Floats, Floats, Bools]]:
    """Name, predicted probability (n,), whether it occurred (n,), and the records it can befall (n,)."""
    moved = (given.observed != record_before(given.observed)).astype(np.float64)
    likeliest = np.exp(given.log_prob.max(axis=1).astype(np.float64))
    every = np.ones(len(moved), dtype=bool)
    return [
        (CHANGE, given.move_probability, moved, sample.has_past),
        (LIKELIEST, likeliest, top_hits(given.log_prob, given.observed, 1), every),
    ]


def _bin_rows(sample: Sample, keys: dict[str, str], predicted: Floats, occurred: Floats, among: Bools) -> list[Row]:
    group = quantile_bins(predicted, among)
    bins = Cells.of({str(each): group == each for each in range(group.max() + 1)}, sample.worker)
    means = sample.bootstrap.mean(np.stack([predicted, occurred], axis=1), bins.members)
    return [
        {**keys, "bin": at + 1, "predicted": None if bins.withheld(at) else float(means.estimate[0, at])}
        | bins.counts(at)
        | estimate_columns(means[1, at], withheld=bins.withheld(at))
        for at in range(len(bins.names))
    ]


def quantile_bins(predicted: NDArray[np.floating], among: Bools, bins: int = BINS) -> Indices:
    """The quantile bin of each record, (n,): 0, 1, ...; -1 for records not among those considered.

    Equal predictions share a bin, so that heavy ties give fewer bins than asked.
    """
    group = np.full(len(predicted), -1, dtype=np.intp)
    if not among.any():
        return group
    edges = np.quantile(predicted[among], np.arange(1, bins) / bins)
    group[among] = np.unique(np.searchsorted(edges, predicted[among], "left"), return_inverse=True)[1]
    return group
