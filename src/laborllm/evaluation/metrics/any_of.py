"""Being in any of several occupations or states, such as out of the labor force, as an event with a probability."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from laborllm.evaluation.arrays import Bools, Floats
from laborllm.evaluation.scores.portions import Portion, Score
from laborllm.panel.history import History


@dataclass(frozen=True)
class ProbabilityOfAny:
    """The sum of the probabilities of some columns of the taxonomy."""

    columns: tuple[int, ...]
    whole: ClassVar[bool] = True

    def __call__(self, portion: Portion) -> Floats | None:
        if portion.forecast is None:
            return None
        return np.asarray(np.exp(portion.log_prob[:, self.columns].astype(np.float64)).sum(axis=1).clip(0, 1))


@dataclass(frozen=True)
class InAny:
    """Whether the record is of one of some columns."""

    columns: tuple[int, ...]
    whole: ClassVar[bool] = False

    def __call__(self, portion: Portion) -> Floats:
        return np.isin(portion.history.occupation, self.columns).astype(np.float64)


@dataclass(frozen=True)
class AnyOf:
    """Being in one of some columns; with `entering`, among records whose occupation before is none of them."""

    name: str
    label: str
    columns: tuple[int, ...]
    entering: bool = False

    @property
    def probability(self) -> Score:
        """The score that is the probability of all the columns together."""
        return ProbabilityOfAny(self.columns)

    @property
    def outcome(self) -> Score:
        """The score that is one in any of the columns, else zero."""
        return InAny(self.columns)

    def domain(self, history: History) -> Bools:
        """Every record, or those whose occupation before is none of the columns, (n,)."""
        if not self.entering:
            return np.ones(len(history.position), dtype=bool)
        return np.asarray(~history.is_first & ~np.isin(history.previous, self.columns))


def being_and_entering(name: str, label: str, columns: Sequence[int]) -> tuple[AnyOf, AnyOf]:
    """Two events: being in one of some columns, and entering one from outside.

    Args:
        name: What tables call the first.
        label: What it is called in words.
        columns: Columns of the taxonomy.

    Returns:
        The events.
    """
    places = tuple(columns)
    return AnyOf(name, label, places), AnyOf(f"entering_{name}", f"entering: {label}", places, entering=True)
