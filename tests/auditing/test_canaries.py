"""Canaries: a recipe that remembers is caught, one that does not is not accused."""

from math import exp, log, log2

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

import laborllm as ll
from laborllm.auditing.canaries import epsilon_of, measure_canaries, plant_canaries
from laborllm.errors import OptionError, PanelError
from laborllm.models.sequence.specs import Nemo
from laborllm.panel import Panel, coarsen
from laborllm.training.config import TrainingConfig


@pytest.fixture(scope="module")
def panel() -> Panel:
    return ll.import_synthetic(workers=150)


@pytest.mark.parametrize(("right", "guesses"), [(60, 100), (99, 100), (100, 100), (75, 80)])
def test_epsilon_is_the_log_odds_of_a_clopper_pearson_bound(right: int, guesses: int) -> None:
    low, _ = proportion_confint(right, guesses, alpha=0.1, method="beta")  # one side of 95 %
    assert epsilon_of(right, guesses) == pytest.approx(max(0.0, log(low / (1 - low))), abs=1e-6)


@pytest.mark.parametrize("right", [0, 30, 50])
def test_guessing_proves_nothing(right: int) -> None:
    assert epsilon_of(right, 100) == 0


def test_randomised_response_is_never_accused_of_more_than_it_has() -> None:
    """A mechanism whose epsilon is known: each guess is right with a chance of e^2 / (1 + e^2)."""
    chance, generator = exp(2) / (1 + exp(2)), np.random.default_rng(0)
    found = [epsilon_of(int(generator.binomial(100, chance)), 100) for _ in range(300)]
    assert np.mean(np.array(found) > 2) < 0.08
    assert np.mean(found) > 1.2


def test_scores_by_hand() -> None:
    """Twelve of twenty inserted, of which all but two are above every other."""
    inserted = np.array([True] * 10 + [False] * 8 + [True] * 2)
    found = measure_canaries(np.arange(20, 0, -1).astype(float), inserted)
    assert (found.inserted, found.others, found.guesses, found.right) == (12, 8, 10, 5 + 3)
    assert found.most == log2(9)
    assert found.exposure == pytest.approx((10 * log2(9) + 2 * 0) / 12)


def test_a_recipe_that_remembers_is_caught_and_a_short_one_is_not(panel: Panel) -> None:
    long = TrainingConfig(epochs=40, batch_size=16, learning_rate=2e-2)
    kept = panel.records.filter(pl.col("split") != "valid")
    few = kept.filter(split="train")["worker"].unique(maintain_order=True).head(10).implode()
    copied = kept.filter(pl.col("worker").is_in(few)).with_columns(
        pl.lit("valid").alias("split"), worker=pl.lit("v") + pl.col("worker")
    )
    unstopped = panel.with_records(pl.concat([kept, copied]))
    caught = plant_canaries(Nemo(training=long, width=96, dropout=0.0), unstopped, 100)
    cleared = plant_canaries(ll.Transition(), panel, 100)
    assert caught.epsilon > 1 > cleared.epsilon
    assert caught.exposure > cleared.exposure + 1
    assert caught.inserted + caught.others == 100


def test_canaries_of_a_panel_with_coarser_states(panel: Panel) -> None:
    found = plant_canaries(ll.Transition(), coarsen(panel, ["not_working", "in_education"]), 40)
    assert found.inserted + found.others == 40


def test_too_few_canaries_and_a_panel_without_states(panel: Panel) -> None:
    with pytest.raises(OptionError, match="19 canaries say nothing"):
        plant_canaries(ll.Transition(), panel, 19)
    jobs = panel.records.filter(~pl.col("occupation").is_in(pl.Series(panel.taxonomy.states).implode()))
    only = Panel(jobs, panel.taxonomy.without_states, panel.dataset, panel.provenance)
    with pytest.raises(PanelError, match="which is not among"):
        plant_canaries(ll.Transition(), only, 40)
