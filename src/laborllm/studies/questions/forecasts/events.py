"""What is asked of a record: a change, where to, each state, labor force participation; and the simplest forecast."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from laborllm.evaluation.arrays import Floats
from laborllm.evaluation.metrics.any_of import AnyOf, being_and_entering
from laborllm.evaluation.metrics.events import Change, Event
from laborllm.evaluation.metrics.mean import Mean
from laborllm.evaluation.scores.portions import Portion
from laborllm.models.forecasts.forecast import Forecast
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel

OUT = ("not_in_labor_force", "in_education")  # of the labor force


@dataclass(frozen=True)
class GivenMove:
    """The negative log-probability of where to, given a move, in nats; zero where there is none."""

    whole: ClassVar[bool] = True

    def __call__(self, portion: Portion) -> Floats | None:
        if portion.forecast is None:
            return None
        moved = (portion.history.kind == "move").to_numpy()
        rows, previous = np.arange(len(moved)), np.where(moved, portion.history.previous, 0)
        stay = np.minimum(portion.log_prob[rows, previous].astype(np.float64), -1e-12)
        own = portion.log_prob[rows, portion.history.occupation].astype(np.float64)
        return np.where(moved, np.log(-np.expm1(stay)) - own, 0.0)


WHERE = Mean("given_move", "perplexity given a move", GivenMove(), exponential=True)


def events_of(taxonomy: Taxonomy) -> list[Event]:
    """A change, being in and entering each state, and taking part in the labor force where that is known."""
    events: list[Event] = [Change()]
    for code in taxonomy.states:
        events += being_and_entering(code, taxonomy.title(code).lower(), [taxonomy.position[code]])
    if OUT[0] in taxonomy.states:
        inside = [at for at, code in enumerate(taxonomy.codes) if code not in OUT]
        events.append(AnyOf("participation", "in the labor force", tuple(inside)))
    return events


def by_age_and_degree(panel: Panel) -> Forecast:
    """Frequencies of occupations by age and degree in split train, shrunk to those of all, for split test."""
    train, test = panel.subset("train").observed(), panel.subset("test").observed()
    age = pl.col("year") - pl.col("birth_year")
    keys = [
        each.records.select(pl.format("{}/{}", age, "education").fill_null("unknown")).to_series()
        for each in (train, test)
    ]
    place = {key: at for at, key in enumerate(pl.concat(keys).unique(maintain_order=True))}
    counts = np.zeros((len(place), len(panel.taxonomy)))
    known, asked = (each.replace_strict(place, return_dtype=pl.Int64).to_numpy() for each in keys)
    np.add.at(counts, (known, panel.taxonomy.columns(train.records["occupation"])), 1)
    overall = (counts.sum(axis=0) + 1) / (counts.sum() + len(panel.taxonomy))
    share = (counts + 10 * overall) / (counts.sum(axis=1, keepdims=True) + 10)
    records = test.records.select("worker", "year", "occupation")
    return Forecast(records, panel.taxonomy, np.log(share[asked]), np.ones(len(asked)), "frequencies by age and degree")
