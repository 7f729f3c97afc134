"""Careers drawn from a known process, and forecasts of known quality for them."""

import numpy as np
import polars as pl

from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance

OCCUPATIONS = tuple((str(code), f"Occupation {code}", "Even" if code % 2 == 0 else "Odd") for code in range(8))
TAXONOMY = Taxonomy.from_occupations("synthetic", OCCUPATIONS).with_states(("unemployed", "in_education"))


def careers(workers: int, *, seed: int = 0, longest: int = 9) -> Panel:
    """Workers who stay with probability 0.7 and else move to any occupation, low codes more often; all in split test.

    Gender, education, region and weight have draws of their own, so that the careers do not depend on them.
    """
    generator = np.random.default_rng(seed)
    chances = move_chances()
    rows = []
    for worker in range(workers):
        entry = generator.choice(len(chances), p=chances)
        for year in range(generator.integers(1, longest + 1)):
            if year and generator.random() > 0.7:
                entry = generator.choice(len(chances), p=chances)
            rows.append((f"w{worker:05d}", 2000 + year, TAXONOMY.codes[entry]))
    records = pl.DataFrame(rows, schema={"worker": pl.String, "year": pl.Int16, "occupation": pl.String}, orient="row")
    return panel_of(records, seed=seed)


def panel_of(records: pl.DataFrame, *, seed: int = 0, taxonomy: Taxonomy = TAXONOMY) -> Panel:
    """A panel in split test of records that have worker, year and occupation, with invented covariates."""
    people = records.select(pl.col("worker").unique(maintain_order=True))
    generator = np.random.default_rng([seed, 1])
    regions = [*["north"] * 6, *["south"] * 3, None]
    people = people.with_columns(
        gender=pl.Series(generator.choice(["female", "male"], size=len(people))),
        education=pl.Series(generator.choice(["high school", "college"], size=len(people), p=[0.7, 0.3])),
        region=pl.Series([regions[each] for each in generator.integers(10, size=len(people))]),
        weight=pl.Series(generator.uniform(0.5, 4, size=len(people))),
    )
    given = records.join(people, on="worker", how="left", maintain_order="left").with_columns(split=pl.lit("test"))
    return Panel(given, taxonomy, "synthetic", Provenance("drawn"), "sampling")


def move_chances() -> Floats:
    weight = 1 / np.arange(1, len(TAXONOMY) + 1)
    return np.asarray(weight / weight.sum())


def forecast(panel: Panel, stay: float, *, raw_mass: float = 1.0, greedy: bool = False) -> Forecast:
    """The process of `careers` with another stay rate (0.7 is the oracle's)."""
    records = panel.records.select("worker", "year", "occupation")
    observed = panel.taxonomy.columns(records["occupation"])
    first = (records["worker"] != records["worker"].shift(1)).fill_null(True).to_numpy()
    probability = np.tile(move_chances(), (len(observed), 1))
    later = np.flatnonzero(~first)
    probability[later] *= 1 - stay
    probability[later, observed[later - 1]] += stay
    return Forecast(
        records,
        TAXONOMY,
        np.log(probability).astype(np.float32),
        np.full(len(observed), raw_mass),
        method="closed form",
        greedy_valid=np.arange(len(observed)) % 10 > 0 if greedy else None,
    )


def two_models(panel: Panel) -> dict[str, Forecast]:
    """The oracle, and a model that stays too seldom and loses raw mass."""
    return {"oracle": forecast(panel, 0.7), "careless": forecast(panel, 0.3, raw_mass=0.8, greedy=True)}
