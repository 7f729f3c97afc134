"""Paths of a mixture: each member carries its own state along each path, and the weights follow the history.

The distribution of a path is the weighted mean of the members' distributions given that path, as in a forecast, so one
draw continues all members alike. A member that scores the text of titles counts by its raw mass, too.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Protocol

import numpy as np
import polars as pl
import torch
from torch import Tensor

from laborllm.models.forecasts.forecast import Floats
from laborllm.models.mixture.history import history_features
from laborllm.models.mixture.weights import ConstantWeights, VaryingWeights
from laborllm.models.paths import HasRawMass, Paths
from laborllm.panel import Panel
from laborllm.panel.history import History

FIRST, IS_STATE, SEEN, TENURE = 0, 1, 2, 5
"""The features of a history that depend on the path; see `history_features`."""


class PathWeights(Protocol):
    """How much each of M members counts on D paths of each of W workers."""

    def now(self) -> Floats:
        """The weights of the next open record, (W, D, M), or of shapes that broadcast to it; they add up to one."""
        ...

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path, (W, D) columns."""
        ...


class MixturePaths:
    """D paths of each of W workers.

    Args:
        members: The paths of each of the M members.
        weights: How much each counts on each path.
    """

    def __init__(self, members: Sequence[Paths], weights: PathWeights) -> None:
        self._members, self._weights = members, weights

    def probability(self) -> Tensor:
        """The distribution of the next open record, (W, D, J), or (W, 1, J) before the first record is closed."""
        weights = torch.from_numpy(self._weights.now()).unbind(-1)
        parts = [
            weight[..., None].to(probability) * probability
            for weight, probability in zip(weights, map(_raw, self._members), strict=True)
        ]
        total = reduce(torch.add, parts)
        return total / total.sum(dim=-1, keepdim=True)

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path, of every member."""
        for member in self._members:
            member.append(occupation)
        self._weights.append(occupation)


def _raw(paths: Paths) -> Tensor:
    """The probabilities of a member before they are normalised over the occupations."""
    return (paths.raw_probability() if isinstance(paths, HasRawMass) else paths.probability()).double()


def path_weights(weights: ConstantWeights | VaryingWeights, panel: Panel) -> PathWeights:
    """The weights along paths of the careers of `panel`, which have K open records each."""
    return WeightsByHistory(weights, panel) if isinstance(weights, VaryingWeights) else SameWeights(weights)


class SameWeights:
    """Weights that are equal on every path."""

    def __init__(self, weights: ConstantWeights) -> None:
        self._weights = weights.weights[None, None]  # (1, 1, M)

    def now(self) -> Floats:
        """The weight of each of the M members, (1, 1, M)."""
        return self._weights

    def append(self, occupation: Tensor) -> None:
        """Nothing changes."""


class WeightsByHistory:
    """Weights that vary with the history of each path."""

    def __init__(self, weights: VaryingWeights, panel: Panel) -> None:
        is_open = panel.records["occupation"].is_null()
        filled = panel.with_records(panel.records.with_columns(pl.col("occupation").fill_null(panel.taxonomy.codes[0])))
        rows = is_open.to_numpy()
        features, history = history_features(filled, weights.seen)[rows], History.of(filled)
        workers = panel.workers
        self._weights, self._place = weights, 0
        self._features = features.reshape(workers, -1, 1, features.shape[1])  # (W, K, 1, F)
        self._is_state = np.isin(panel.taxonomy.codes, panel.taxonomy.states)
        self._previous, self._tenure = (
            column[rows].reshape(workers, -1)[:, :1] for column in (history.previous, history.tenure)
        )

    def now(self) -> Floats:
        """The weights of the members at the next record, (W, D, M), or (W, 1, M) before the first is closed."""
        features = self._features[:, self._place]
        if self._place:
            features = np.broadcast_to(features, (*self._previous.shape, features.shape[-1])).copy()
            features[..., FIRST] = 0
            features[..., IS_STATE] = self._is_state[self._previous]
            features[..., SEEN] = np.log1p(self._weights.seen)[self._previous]
            features[..., TENURE] = np.log(self._tenure)
        flat = self._weights.of_features(features.reshape(-1, features.shape[-1]))
        return np.asarray(np.exp(flat).reshape(*features.shape[:-1], -1))

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path, (W, D) columns."""
        drawn = occupation.cpu().numpy()
        self._tenure = np.where(drawn == self._previous, self._tenure + 1, 1)
        self._previous = drawn
        self._place += 1
