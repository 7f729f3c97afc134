"""Paths: careers continued record by record, and what a fitted model has to offer for it.

W workers have D paths each. A path is closed one record at a time: the model gives the distribution of its next open
record, an occupation is drawn, and the path receives it. A model that carries its state along, such as the hidden state
of a recurrent network or a KV cache, never reads the same career twice.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from laborllm.errors import RunError
from laborllm.panel import Panel
from laborllm.runtime import best_device

ON_CPU, ON_GPU = 2_048, 16_384
"""Paths that are drawn at a time: more leave the cache of a processor, and are no faster on a GPU."""

ROUNDING = 1e-3  # by which probabilities in single precision may miss one


class Paths(Protocol):
    """D paths of each of W workers, all closed up to the same open record."""

    def probability(self) -> Tensor:
        """The distribution of the next open record given each path.

        Returns:
            (W, D, J), rows that sum to one; (W, 1, J) while the paths of a worker do not differ yet.
        """
        ...

    def append(self, occupation: Tensor) -> None:
        """Close the next open record of every path; there must be another after it.

        Args:
            occupation: (W, D) columns of the taxonomy.
        """
        ...


@runtime_checkable
class HasRawMass(Protocol):
    """Paths of a model that gives some probability to texts that are no title."""

    def raw_probability(self) -> Tensor:
        """The probabilities of the titles as texts, of the shape of `Paths.probability`: rows sum to the raw mass."""
        ...


@runtime_checkable
class Draws(Protocol):
    """Paths that draw their next record without the distribution over all occupations."""

    def draw(self, uniform: Tensor, previous: Tensor) -> Tensor:
        """Draw the next open record of every path, exactly from the distribution that `probability` gives.

        Args:
            uniform: (W, D) numbers from 0 to below 1.
            previous: (W, D) columns of the occupations before, which are put first in the order of a draw; J for none.

        Returns:
            (W, D) columns.
        """
        ...


@runtime_checkable
class DrawsEducation(Protocol):
    """Paths of a model that says how education continues."""

    def draw_education(self, levels: Sequence[str], uniform: Tensor) -> None:
        """Draw the education of the next open record of every path, before the record is forecast.

        Args:
            levels: The L levels to draw among.
            uniform: (W, D) numbers from 0 to below 1.
        """
        ...


@runtime_checkable
class DrawsTexts(Paths, Draws, DrawsEducation, Protocol):
    """Paths of a language model that scores the text of titles, which draws titles and education alike."""


@runtime_checkable
class Simulates(Protocol):
    """A fitted model that continues careers by carrying its state along."""

    def paths(self, panel: Panel, draws: int) -> Paths:
        """Paths that begin where the observed records of `panel` end.

        Args:
            panel: Careers with K open records each, whose covariates hold on every path.
            draws: Paths of each worker, D.
        """
        ...


def require_distributions(probability: Tensor) -> Tensor:
    """The distributions that are given, (..., J). What is drawn from numbers that are none looks like any other path.

    Raises:
        RunError: Rows do not sum to one.
    """
    total = probability.sum(dim=-1, dtype=torch.float64)
    off = (total - 1).abs()
    if not bool((off < ROUNDING).all()):
        worst = float(total.flatten()[off.argmax()])
        raise RunError(f"the probabilities of a year must sum to one; the worst sum to {worst:g}")
    return probability


def paths_at_once(model: object) -> int:
    """How many paths of a model are drawn at a time: as many as it says itself, where each takes much memory."""
    return int(getattr(model, "paths_at_once", ON_CPU if best_device().type == "cpu" else ON_GPU))
