"""The loop: its first step by hand, parts that add up, the best weights kept, and early stopping."""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from laborllm.errors import OptionError, PanelError, RunError
from laborllm.training.config import TrainingConfig
from laborllm.training.curve import best_point, read_curve, write_curve
from laborllm.training.loop import train
from training.regression import Regression

PLAN = TrainingConfig(epochs=6, batch_size=4, learning_rate=0.1, validate_every=6)


def test_the_first_step_is_adamw_by_hand() -> None:
    """From zero weights the gradient is the weighted mean of -y x; the first step of Adam has the size of the rate."""
    task = Regression()
    train(task, TrainingConfig(epochs=1, batch_size=12, learning_rate=0.1, warmup=0.0, clip=1e9), seed=0)
    length = torch.tensor(task.lengths, dtype=torch.float64)
    gradient = -(length[:, None] * task.y * task.x).sum(dim=0) / length.sum()
    torch.testing.assert_close(task.linear.weight[0].detach(), -0.1 * gradient / (gradient.abs() + 1e-8))


@pytest.mark.parametrize("cuts", [2, 3, 4])
def test_parts_add_up_to_the_batch(cuts: int) -> None:
    whole, parts = Regression(), Regression(cuts=cuts)
    curves = [train(task, PLAN, seed=0) for task in (whole, parts)]
    torch.testing.assert_close(parts.weights, whole.weights, rtol=1e-12, atol=1e-12)
    losses = [[point.train_loss for point in curve] for curve in curves]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-12)


def test_the_curve_counts_what_was_seen() -> None:
    task = Regression(careers=10)
    curve = train(task, PLAN, seed=0)
    assert [point.careers for point in curve][:4] == [0, 8, 14, 18]  # batches of 4, 4, 2; a look at each multiple of 6
    assert curve[-1].tokens == 6 * sum(task.lengths)
    assert sorted(index for batch in task.seen[:3] for index in batch) == list(range(10))


def test_the_progress_line_gives_tokens_a_second_of_the_clock_and_of_the_processor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("laborllm.progress.LINE_EVERY", 0.0)
    train(Regression(), PLAN, seed=0)
    line = capsys.readouterr().err.splitlines()[-1]
    wall, processor = re.findall(r"([\d,]+) tokens/s, ([\d,]+) a processor second, validation perplexity", line)[0]
    assert min(int(rate.replace(",", "")) for rate in (wall, processor)) > 0


def test_the_best_weights_are_left_and_patience_ends_it() -> None:
    impatient = dataclasses.replace(PLAN, epochs=50, learning_rate=1.0, warmup=0.0, early_stopping=3)
    task = Regression()
    curve = train(task, impatient, seed=0)
    perplexities = [point.valid_perplexity for point in curve]
    assert len(curve) - 1 - int(np.argmin(perplexities)) == 3
    assert curve[-1].careers < 50 * 12
    assert task.perplexity() == pytest.approx(best_point(curve).valid_perplexity)


def test_an_empty_split_and_what_is_not_finite_are_refused() -> None:
    with pytest.raises(PanelError, match="at least one career"):
        train(Regression(careers=0), PLAN, seed=0)
    lost = Regression()
    lost.y[3] = math.nan
    with pytest.raises(RunError, match="the validation perplexity is nan before any step"):
        train(lost, PLAN, seed=0)


def test_a_loss_that_is_not_finite_changes_no_weight() -> None:
    """Also where it is that of one part of a batch among others."""
    lost = Regression(cuts=3)
    perplexity = lost.perplexity()
    lost.perplexity = lambda: perplexity  # type: ignore[method-assign]
    lost.y[3] = math.nan
    with pytest.raises(RunError, match="the loss is nan before any step"):
        train(lost, TrainingConfig(epochs=1, batch_size=12, learning_rate=0.1), seed=0)
    assert not lost.weights.any()


def test_a_curve_survives_its_file(tmp_path: Path) -> None:
    curve = train(Regression(), PLAN, seed=0)[1:]
    write_curve(tmp_path / "curve.csv", curve)
    assert read_curve(tmp_path / "curve.csv") == curve


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"early_stopping": 0}, "early-stopping must be above zero"),
        ({"decay": "steps"}, "use linear, cosine, inverse-sqrt, constant"),
    ],
)
def test_a_bad_plan_is_refused(choice: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        dataclasses.replace(PLAN, **choice)  # type: ignore[arg-type]
