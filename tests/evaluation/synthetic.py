"""Careers drawn from a known law, and forecasts of known quality for them."""

import numpy as np
import polars as pl

from laborllm.evaluation import Scores
from laborllm.models.contract import Floats, Forecast
from laborllm.occupations import Taxonomy

OCCUPATIONS = tuple((str(code), f"Occupation {code}", "Work") for code in range(8))
TAXONOMY = Taxonomy.from_occupations("synthetic", OCCUPATIONS).with_states(("unemployed", "in_education"))


def careers(workers: int, *, seed: int = 0, longest: int = 9) -> pl.DataFrame:
    """Workers who stay with probability 0.7 and else move to any occupation, low codes more often."""
    generator = np.random.default_rng(seed)
    chances = move_chances()
    rows = []
    for worker in range(workers):
        occupation = generator.choice(len(chances), p=chances)
        for year in range(generator.integers(1, longest + 1)):
            if year and generator.random() > 0.7:
                occupation = generator.choice(len(chances), p=chances)
            rows.append((f"w{worker:05d}", 2000 + year, TAXONOMY.codes[occupation]))
    return pl.DataFrame(rows, schema={"worker": pl.String, "year": pl.Int16, "occupation": pl.String}, orient="row")


def move_chances() -> Floats:
    weight = 1 / np.arange(1, len(TAXONOMY) + 1)
    return np.asarray(weight / weight.sum())


def forecast(records: pl.DataFrame, stay: float, *, raw_mass: float = 1.0, greedy: bool = False) -> Forecast:
    """The law of `careers` with another stay rate (0.7 is the truth)."""
    position = TAXONOMY.position
    observed = np.array([position[code] for code in records["occupation"]])
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


def three_models(workers: int = 300, *, seed: int = 0) -> dict[str, Scores]:
    """The truth, a model that stays too seldom and loses raw mass, and one of which only raw numbers are known."""
    records = careers(workers, seed=seed)
    careless = forecast(records, 0.3, raw_mass=0.8, greedy=True)
    return {
        "truth": Scores.of_forecast(forecast(records, 0.7)),
        "careless": Scores.of_forecast(careless),
        "raw only": Scores.of_log_likelihood(records, careless.raw_log_likelihood),
    }
