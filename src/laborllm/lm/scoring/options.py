"""How to score titles: a plain record of choices, so that the command line can show them without loading a model."""

from dataclasses import dataclass
from math import exp
from typing import Literal, get_args

from laborllm.errors import OptionError

Method = Literal["tree", "pruned", "naive"]
METHODS: tuple[Method, ...] = get_args(Method)
Weights = Literal["fitted", "bfloat16", "8-bit"]
WEIGHTS: tuple[Weights, ...] = get_args(Weights)


@dataclass(frozen=True)
class ScoringOptions:
    """How to score titles; the command line makes an option of each attribute.

    Attributes:
        method: One pass per career and a tree of titles; the same without improbable branches; or one pass per title.
        tolerance: How far a forecast of `pruned` may be from the exact one, in total variation.
        memory: Gigabytes that title branches may take beyond the weights; those of one record are always run.
        weights: As they were fitted, or rounded to 8 bits, or with products in bfloat16, once the cost is measured.
        largest_cost: Mean total variation from the fitted weights beyond which rounding is refused.
        largest_shift: Nats by which rounding may move the logarithm of the raw perplexity, up or down.
    """

    method: Method = "tree"
    tolerance: float = 1e-3
    memory: float = 1.0
    weights: Weights = "fitted"
    largest_cost: float = 0.01
    largest_shift: float = 0.05

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise OptionError(f"unknown way of scoring {self.method!r}: use {', '.join(METHODS)}")
        if not 0 <= self.tolerance < 1:
            raise OptionError(f"tolerance is a total variation from 0 up to 1, not {self.tolerance}")
        if self.weights not in WEIGHTS:
            raise OptionError(f"unknown weights {self.weights!r}: use {', '.join(WEIGHTS)}")
        if not 0 <= self.largest_cost <= 1:
            raise OptionError(f"the largest cost is a total variation from 0 to 1, not {self.largest_cost}")
        if not self.largest_shift >= 0:
            raise OptionError(f"the largest shift is in nats, from zero, not {self.largest_shift}")
        if not self.memory > 0:
            raise OptionError(f"memory must be above zero, not {self.memory}")


@dataclass(frozen=True)
class Cost:
    """What rounding changed, of the weights to 8 bits or of products to bfloat16: total variation of the forecasts of
    some records, mean and largest, and by what factor the raw perplexity of their observed titles rose."""

    weights: Weights
    records: int
    mean: float
    largest: float
    perplexity: float

    def __str__(self) -> str:
        off = f"off by {self.mean:.4f} on average, {self.largest:.4f} at most in total variation"
        return f"{self.weights} weights: {off}, raw perplexity times {self.perplexity:.4f}, on {self.records} records"

    def require_at_most(self, mean: float, shift: float) -> None:
        """Raise `OptionError` if forecasts are off by more on average, or the logarithm of the raw perplexity by more
        nats: where all titles gain or lose alike, forecasts do not show it."""
        if not self.mean <= mean:
            raise OptionError(f"{self}; more than {mean} on average is refused: score with the fitted weights")
        if not exp(-shift) <= self.perplexity <= exp(shift):
            within = f"times {exp(-shift):.4f} to {exp(shift):.4f}"
            raise OptionError(f"{self}; a raw perplexity beyond {within} is refused: score with the fitted weights")
