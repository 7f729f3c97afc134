"""Measures of an attack against scikit-learn, by hand, and with people counted several times."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from laborllm.auditing.measures import Scored, _Ordered, measure


def scored(units: int = 3_000, people: int = 700, *, ties: bool = False) -> Scored:
    generator = np.random.default_rng(0)
    person = np.sort(generator.integers(people, size=units))
    person = np.unique(person, return_inverse=True)[1]
    member = (generator.random(people) < 0.6)[person]
    score = generator.normal(0.7 * member, 1)
    return Scored(np.round(score, 1) if ties else score, member, person)


def estimates(table: pl.DataFrame) -> dict[str, float]:
    return dict(zip(table["measure"], table["estimate"], strict=True))


@pytest.mark.parametrize("ties", [False, True])
def test_area_and_rates_are_those_of_scikit_learn(ties: bool) -> None:
    units = scored(ties=ties)
    found = estimates(measure(units, draws=2, seed=0))
    assert found["auc"] == pytest.approx(roc_auc_score(units.member, units.score))
    false, true, _ = roc_curve(units.member, units.score, drop_intermediate=False)
    for name, share in (("tpr_at_1_percent", 0.01), ("tpr_at_0.1_percent", 0.001)):
        assert found[name] == pytest.approx(true[false <= share].max())


def test_members_among_the_most_suspected_by_hand() -> None:
    member = np.array([True, True, False, *[False] * 297])
    score = np.array([9.0, 5.0, 8.0, *np.linspace(0, 1, 297)])
    found = estimates(measure(Scored(score, member, np.arange(300)), draws=2, seed=0))
    assert found["members_among_1_percent"] == pytest.approx(2 / 3)  # of the three of 300


def test_a_person_drawn_twice_counts_as_two() -> None:
    units = scored(ties=True)
    times = np.random.default_rng(3).integers(0, 3, size=int(units.person.max()) + 1)
    repeated = np.repeat(np.arange(len(units.score)), times[units.person])
    twice = Scored(units.score[repeated], units.member[repeated], np.arange(len(repeated)))
    by_weight = _Ordered.of(units).measures(times[None].astype(float))
    assert {name: float(value[0]) for name, value in by_weight.items()} == pytest.approx(
        estimates(measure(twice, draws=2, seed=0))
    )


def test_intervals_of_guessing_hold_one_half_and_draw_people() -> None:
    """Records of a person alike make the interval wider than as many people would."""
    generator = np.random.default_rng(5)
    score, member = generator.normal(size=300), generator.random(300) < 0.5
    alone = measure(Scored(score, member, np.arange(300)), draws=400, seed=0).row(0, named=True)
    ten = Scored(np.repeat(score, 10), np.repeat(member, 10), np.repeat(np.arange(300), 10))
    together = measure(ten, draws=400, seed=0).row(0, named=True)
    assert alone["low"] < 0.5 < alone["high"]
    assert (together["low"], together["high"]) == pytest.approx((alone["low"], alone["high"]), abs=0.01)


def test_coverage_of_the_area() -> None:
    """The interval holds the area that the scores were drawn with in about 95 % of samples."""
    held = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        member = generator.random(200) < 0.5
        score = generator.normal(1.0 * member, 1)
        row = measure(Scored(score, member, np.arange(200)), draws=200, seed=1000 + seed).row(0, named=True)
        held += row["low"] <= 0.7602 <= row["high"]  # Phi(1 / sqrt 2)
    assert held >= 50
