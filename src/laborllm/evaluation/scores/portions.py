"""A forecast reduced to a few numbers a record, portion by portion, so that memory does not grow with records x J."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from laborllm.errors import InputError
from laborllm.evaluation.arrays import Bools, Floats, Numbers
from laborllm.evaluation.scores.blocks import Blocks
from laborllm.models.contract import Forecaster
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.forecasts.restrict import restrict
from laborllm.models.taxonomies import made_before, taxonomy_of
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, over
from laborllm.panel.files.store import Careers
from laborllm.panel.history import History
from laborllm.progress import progress

RECORDS = 4_096  # of a portion
ABOVE_ONE = 1e-3  # nats by which rounding may lift a probability above one


@dataclass(frozen=True)
class Portion:
    """What one model says of the records of some workers.

    Attributes:
        history: Of the n records.
        raw_log_likelihood: The model's own log-probability of each observed occupation, (n,), in nats.
        forecast: The whole distribution; None where only the observed occupations were scored.
    """

    history: History
    raw_log_likelihood: Floats
    forecast: Forecast | None = None

    @property
    def log_prob(self) -> Floats:
        """Log-probabilities over the taxonomy, (n, J), in nats."""
        assert self.forecast is not None
        return self.forecast.log_prob

    @property
    def has_past(self) -> Bools:
        """Whether there is a record of the worker before each, (n,)."""
        return ~self.history.is_first


class Score(Protocol):
    """A number per record, all that a metric needs of a forecast. Scores compare equal where they are the same."""

    @property
    def whole(self) -> bool:
        """Whether it takes the whole distribution, not only the observed occupations."""
        ...

    def __call__(self, portion: Portion) -> Floats | None:
        """The score of each record of a portion, (n,); None where the model does not give it."""
        ...

    def __hash__(self) -> int: ...


Scores = Mapping[Score, Blocks[Numbers] | None]
"""Scores of records, block by block, (n,) each; None where the model does not give one."""

Keep = Callable[[Score, Floats | None], None]
"""Takes in a score of the records of a portion, as they come."""

Tally = Callable[[Portion], None]
"""Takes in one portion after the other, to count what is not a number per record."""


def observed_portions(careers: Careers) -> Iterator[Panel]:
    """Whole careers without their open records, some thousand records at a time."""
    for portion in careers.portions(RECORDS):
        if portion.open_records < len(portion):
            yield portion.observed()


def score_records(
    name: str,
    model: Forecaster | Forecast,
    careers: Careers,
    taxonomy: Taxonomy,
    scores: Sequence[Score],
    keep: Keep,
    tallies: Sequence[Tally] = (),
) -> None:
    """Score all observed records by one model, in portions, so that memory holds no (n, J) array.

    The model reads the careers as they are. Its forecasts, and the histories of the records, are then expressed over
    `taxonomy`.

    Args:
        name: Of the model, for errors and progress.
        model: A fitted model, or forecasts that it made.
        careers: Whose records; open ones are left out.
        taxonomy: What scores are over.
        scores: What to compute of each record.
        keep: Takes each score of the records of a portion, as they come; None for one that the forecasts do not allow.
        tallies: What else to add up over portions.

    Raises:
        InputError: The model forecasts other records, or gives what is no log-probability.
    """
    whole = bool(tallies) or any(score.whole for score in scores)
    made = made_before(model)
    if made is not None:
        model = restrict(made, taxonomy)
    elif taxonomy_of(model, careers) != taxonomy:
        whole = True  # the probability of only the observed occupation cannot be renormalised
    with progress(f"evaluate {name}", len(careers), "records") as advance:
        scored = 0
        for panel in observed_portions(careers):
            portion = _portion(name, model, panel, taxonomy, whole=whole)
            _require_log_probability(name, portion.raw_log_likelihood, len(panel), scored)
            for score in scores:
                keep(score, score(portion))
            for tally in tallies:
                tally(portion)
            scored += len(panel)
            advance(len(panel))


def _portion(name: str, model: Forecaster | Forecast, careers: Panel, taxonomy: Taxonomy, *, whole: bool) -> Portion:
    history = History.of(over(careers, taxonomy))
    if not whole and not isinstance(model, Forecast):
        return Portion(history, np.asarray(model.log_likelihood(careers)))
    forecast = model.of(over(careers, taxonomy)) if isinstance(model, Forecast) else model.forecast(careers)
    forecast = restrict(forecast, taxonomy)
    if not forecast.records.select("worker", "year").equals(careers.records.select("worker", "year")):
        raise InputError(f"{name!r} forecasts other records than those of the panel, or in another order")
    return Portion(history, forecast.raw_log_likelihood, forecast)


def _require_log_probability(name: str, values: Floats, records: int, before: int) -> None:
    """Raise `InputError` unless there is a log-probability for each of `records`, which follow `before` others."""
    if values.shape != (records,):
        raise InputError(f"{name!r} gives log-likelihoods of shape {values.shape} for {records} records")
    bad = np.flatnonzero(~(values <= ABOVE_ONE))
    if len(bad):
        where = f"observed record {before + bad[0] + 1:,}"
        raise InputError(f"{name!r} gives {values[bad[0]]:g} for {where}: a log-probability is at most zero")
