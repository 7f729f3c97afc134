"""Intervals hold the expected loss as often as they say, for careers drawn from a known process."""

import numpy as np
import polars as pl
import pytest

from evaluation.synthetic import TAXONOMY, careers, forecast, move_chances
from laborllm.evaluation import evaluate

SAMPLES, WORKERS = 400, 300
STAY, MODEL_STAY, LONGEST = 0.7, 0.3, 9


def expected_log_score() -> float:
    """What the model of `forecast(panel, MODEL_STAY)` loses per record on average under the process of `careers`.

    Every record is drawn from the same distribution over occupations, the moves'; a career has 1 to LONGEST records.
    """
    moves = move_chances()
    first = -np.sum(moves * np.log(moves))
    later = 0.0
    for previous, share in enumerate(moves):
        oracle, model = (1 - STAY) * moves, (1 - MODEL_STAY) * moves
        oracle[previous] += STAY
        model[previous] += MODEL_STAY
        later -= share * np.sum(oracle * np.log(model))
    records = (1 + LONGEST) / 2
    return float((first + (records - 1) * later) / records)


@pytest.mark.slow
def test_95_percent_intervals_hold_the_expected_loss_in_95_of_100_samples() -> None:
    """Over 400 samples of 300 careers; of a share of 0.95 the standard error is 0.011."""
    oracle, held = expected_log_score(), 0
    for seed in range(SAMPLES):
        panel = careers(WORKERS, seed=seed, longest=LONGEST)
        found = evaluate({"m": forecast(panel, MODEL_STAY)}, panel, metrics=["raw_perplexity"], draws=500)
        row = found.row("m", "raw_perplexity")
        held += row["low"] <= np.exp(oracle) <= row["high"]
    print(f"held {held / SAMPLES:.3f}")
    assert 0.93 <= held / SAMPLES <= 0.97


def test_the_expected_loss_is_that_of_many_careers() -> None:
    panel = careers(20_000, seed=1, longest=LONGEST)
    losses = pl.Series(-forecast(panel, MODEL_STAY).log_likelihood)
    assert losses.mean() == pytest.approx(expected_log_score(), abs=0.02)
    assert len(TAXONOMY) == len(move_chances())
