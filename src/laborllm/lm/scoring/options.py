"""Options of scoring titles, in a module that needs no torch, so that the command line can show them quickly."""

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
        method: `tree`, one pass per career and a prefix tree of titles; `pruned`, `tree` without improbable branches
            and with a bound on the error; `naive`, one pass per title.
        tolerance: How far a forecast of `pruned` may be from the exact one, in total variation.
        memory: Gigabytes that the tries of titles may take beyond the weights; one record is always run.
        weights: `fitted`, `8-bit` (quantised, extra `eight-bit`) or `bfloat16` (products); the cost of the last two is
            measured on a few records first, and printed.
        max_tv: Mean total variation from the fitted weights above which quantisation is refused.
        max_log_ppl_shift: Nats by which quantisation may move the logarithm of the raw perplexity, up or down.

    Raises:
        OptionError: A value that is out of its range.

    Examples:
        >>> ScoringOptions("pruned", tolerance=0.01).weights
        'fitted'
    """

    method: Method = "tree"
    tolerance: float = 1e-3
    memory: float = 1.0
    weights: Weights = "fitted"
    max_tv: float = 0.01
    max_log_ppl_shift: float = 0.05

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise OptionError(f"unknown method of scoring {self.method!r}: use {', '.join(METHODS)}")
        if not 0 <= self.tolerance < 1:
            raise OptionError(f"tolerance is a total variation from 0 up to 1, not {self.tolerance}")
        if self.weights not in WEIGHTS:
            raise OptionError(f"unknown weights {self.weights!r}: use {', '.join(WEIGHTS)}")
        if not 0 <= self.max_tv <= 1:
            raise OptionError(f"max-tv is a total variation from 0 to 1, not {self.max_tv}")
        if not self.max_log_ppl_shift >= 0:
            raise OptionError(f"max-log-ppl-shift is in nats, from zero, not {self.max_log_ppl_shift}")
        if not self.memory > 0:
            raise OptionError(f"memory must be above zero, not {self.memory}")


@dataclass(frozen=True)
class QuantisationCost:
    """What quantisation changes, measured on some records.

    Attributes:
        weights: What is quantised to: weights of 8 bits, or products in bfloat16.
        records: On how many records it was measured.
        mean_tv: Total variation of their forecasts from those of the fitted weights, on average.
        largest_tv: The largest of these.
        perplexity_ratio: Raw perplexity of the observed titles, divided by the fitted weights' raw perplexity.
    """

    weights: Weights
    records: int
    mean_tv: float
    largest_tv: float
    perplexity_ratio: float

    def __str__(self) -> str:
        off = f"off by {self.mean_tv:.4f} on average, {self.largest_tv:.4f} at most in total variation"
        ratio = f"raw perplexity times {self.perplexity_ratio:.4f}"
        return f"{self.weights} weights: {off}, {ratio}, on {self.records} records"

    def require_within(self, max_tv: float, max_log_ppl_shift: float) -> None:
        """Refuse a quantisation that costs too much.

        Where all titles gain or lose alike, forecasts do not show it, so the raw perplexity has a limit of its own.

        Args:
            max_tv: The largest mean total variation of forecasts.
            max_log_ppl_shift: The largest change of the logarithm of the raw perplexity, in nats.

        Raises:
            OptionError: One of the two is exceeded.
        """
        if not self.mean_tv <= max_tv:
            raise OptionError(f"{self}; more than {max_tv} on average is refused: score with the fitted weights")
        low, high = exp(-max_log_ppl_shift), exp(max_log_ppl_shift)
        if not low <= self.perplexity_ratio <= high:
            within = f"times {low:.4f} to {high:.4f}"
            raise OptionError(f"{self}; a raw perplexity beyond {within} is refused: score with the fitted weights")
