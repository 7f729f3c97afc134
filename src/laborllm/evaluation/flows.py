"""Flows between the taxonomy's groups of occupations: how many records moved, and how many were expected to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from laborllm.evaluation.arrays import Numbers
from laborllm.evaluation.flow_groups import Flows
from laborllm.evaluation.metrics.top_k import top_hits
from laborllm.evaluation.sample import Block, Sample
from laborllm.evaluation.scores.portions import Portion

FLOWS: dict[str, pl.DataType] = {
    "model": pl.String(),
    "origin": pl.String(),
    "destination": pl.String(),
    "workers": pl.Int64(),
    "observed": pl.Float64(),
    "expected": pl.Float64(),
    "top_1": pl.Float64(),
}
"""Columns of `Evaluation.flows`."""

Row = dict[str, object]


@dataclass(frozen=True)
class FlowTally:
    """Adds up the flows that one model expects, as portions pass by.

    Attributes:
        flows: Between which groups of occupations.
        blocks: The records of each portion, in turn.
    """

    flows: Flows
    blocks: Iterator[Block]

    @cached_property
    def expected(self) -> Numbers:
        """The weighted sum of the probabilities of each group, by origin and destination, (G, G)."""
        return np.zeros((len(self.flows.groups),) * 2)

    @cached_property
    def hits(self) -> Numbers:
        """The weight of records whose most probable occupation is right, by origin and destination, (G, G)."""
        return np.zeros((len(self.flows.groups),) * 2)

    def __call__(self, portion: Portion) -> None:
        records = next(self.blocks).records
        past = np.flatnonzero(portion.has_past)
        weight, column = records.weight[past], self.flows.column
        previous, occupation = portion.history.previous[past], portion.history.occupation[past]
        log_prob = portion.log_prob[past]
        membership = np.eye(len(self.flows.groups))[column]  # (J, G)
        np.add.at(self.expected, column[previous], weight[:, None] * (np.exp(log_prob.astype(np.float64)) @ membership))
        np.add.at(self.hits, (column[previous], column[occupation]), weight * top_hits(log_prob, occupation, 1))


def flow_table(sample: Sample, tallies: Mapping[str, FlowTally]) -> pl.DataFrame:
    """A row per model, origin and destination that occur, of records that have one before them.

    workers, observed (a weighted count) and top_1 (the share of it whose most probable occupation is right) are null
    where the flow is withheld. expected is the weighted sum of the probabilities given.
    """
    flows, size = sample.flows, len(sample.flows.groups)
    moves, people, weight = np.zeros(size * size), np.zeros(size * size, dtype=np.int64), 0.0
    for block in sample.blocks:
        flow = flows.of_records(block.history)[1]
        moves += np.bincount(flow[flow >= 0], block.records.weight[flow >= 0], size * size)
        people += replace(block.records, cells=flow[None]).workers_in(size * size)
        weight += float(block.records.weight.sum())
    scale = sample.size / weight
    observed, workers = scale * moves.reshape(size, size), people.reshape(size, size)
    hidden_origins, hidden = sample.hidden_flows
    hidden = hidden.reshape(size, size) & (workers > 0)
    rows: list[Row] = []
    for model, tally in tallies.items():
        for at in np.ndindex(size, size):
            if hidden_origins[at[0]] or not workers[at[0]].any():
                continue
            row: Row = {"model": model, "origin": flows.groups[at[0]], "destination": flows.groups[at[1]]}
            hits, expected = scale * tally.hits[at], scale * tally.expected[at]
            seen = {} if hidden[at] else _observed(int(workers[at]), float(observed[at]), float(hits))
            rows.append(row | {"expected": float(expected)} | seen)
    return pl.DataFrame(rows, schema=FLOWS)


def _observed(workers: int, observed: float, hits: float) -> Row:
    return {"workers": workers, "observed": observed, "top_1": hits / observed if observed else None}
