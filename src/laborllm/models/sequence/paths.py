"""Paths of a network over codes: the state of the network is carried along, and no career is read twice.

Of the indexes of a record only three depend on the path: the two occupations before it, and how long the last one has
lasted. All others follow from the years and covariates of the open records, which hold on every path.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import polars as pl
import torch
from torch import Tensor

from laborllm.models.sequence.inputs.careers import LIMITS, Batch, index_careers
from laborllm.models.sequence.inputs.vocabulary import Vocabulary
from laborllm.models.two_stage import two_stage_log_prob
from laborllm.panel import Panel
from laborllm.runtime import best_device

State = Any
ALONG = ("previous", "before_previous", "tenure")
"""The indexes that depend on the path."""


class SteppingNetwork(Protocol):
    """A network that reads whole careers once, and then one record at a time."""

    def begin(self, batch: Batch) -> tuple[Tensor, State]:
        """Read W careers that end with their first open record.

        Returns:
            Scores of the last record of each, (W, J + 1), and what is known after it.
        """
        ...

    def step(self, state: State, index: Mapping[str, Tensor]) -> tuple[Tensor, State]:
        """Read one more record of D paths of each of W workers.

        Args:
            state: What `begin` or the last step returned; after `begin` it is the state of W careers.
            index: Indexes by name, (W, D), or (W, 1) where the paths of a worker agree; `previous` is (W, D).

        Returns:
            Scores, (W, D, J + 1), and what is known after it.
        """
        ...


def sequence_paths(network: SteppingNetwork, vocabulary: Vocabulary, panel: Panel, draws: int) -> "SequencePaths":
    """Paths of each worker of a panel with K open records a career.

    Args:
        network: In evaluation mode.
        vocabulary: The indexes of the covariates.
        panel: Careers of W workers, whose last K records are open.
        draws: Paths of each worker, D.

    Returns:
        The paths, before their first step.
    """
    is_open = panel.records["occupation"].is_null()
    filled = panel.with_records(panel.records.with_columns(pl.col("occupation").fill_null(panel.taxonomy.codes[0])))
    careers = index_careers(filled, vocabulary).to(best_device())
    horizon = int(is_open.sum()) // len(careers)
    mask = torch.from_numpy(is_open.to_numpy().copy())
    later = {name: column[mask].view(-1, horizon) for name, column in careers.index.items()}
    until = replace(careers, length=careers.length - (horizon - 1))
    return SequencePaths(network, until.batch(range(len(careers))), later, draws)


class SequencePaths:
    """D paths of each of W workers.

    Args:
        network: In evaluation mode.
        batch: Careers up to and including the first open record.
        later: Indexes of the open records by name, (W, K); those of `previous`, `before_previous` and `tenure` after
            the first record are not read.
        draws: Paths of each worker, D.
    """

    def __init__(self, network: SteppingNetwork, batch: Batch, later: Mapping[str, Tensor], draws: int) -> None:
        self._network, self._later, self._draws = network, later, draws
        self._place = 0
        with torch.inference_mode():
            scores, self._state = network.begin(batch)
        self._previous, self._before, self._tenure = (later[name][:, :1] for name in ALONG)
        self._scores = scores[:, None]

    def probability(self) -> Tensor:
        """The distribution of the next open record, (W, D, J), or (W, 1, J) before the first record is closed."""
        shape = self._scores.shape
        log_prob = two_stage_log_prob(self._scores.flatten(0, 1), self._previous.expand(shape[:2]).flatten())
        return log_prob.exp().view(*shape[:2], -1)

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path, and read the one after it."""
        occupations = self._scores.shape[-1] - 1
        stays = occupation == self._previous
        self._tenure = torch.where(stays & (self._previous < occupations), self._tenure + 1, 1).clamp(
            max=LIMITS["tenure"]
        )
        self._before, self._previous = self._previous.expand_as(occupation), occupation
        self._place += 1
        shared = {name: column[:, self._place, None] for name, column in self._later.items()}
        along = dict(zip(ALONG, (self._previous, self._before, self._tenure), strict=True))
        with torch.inference_mode():
            self._scores, self._state = self._network.step(self._state, shared | along)
