"""Live logs: what TensorBoard and trackers are told of each step, and the share of the machine's peak."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from laborllm.errors import OptionError
from laborllm.training.checkpoint import Checkpoints
from laborllm.training.config import LogTo, TrainingConfig
from laborllm.training.logs.loggers import open_logger
from laborllm.training.logs.speed import flops_per_token, peak_flops
from laborllm.training.loop import train
from training.regression import Regression

PLAN = TrainingConfig(epochs=3, batch_size=4, learning_rate=0.1, validate_every=12, live_log="tensorboard")  # 9 steps


def scalars(folder: Path, name: str) -> dict[int, float]:
    """What TensorBoard shows of a number, by place."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {event.step: event.value for event in events.Scalars(name)}


def test_tensorboard_shows_every_step_as_it_comes(tmp_path: Path) -> None:
    """An interrupted training that resumes shows each step once, whatever was shown before."""
    checkpoints = Checkpoints.of_run(tmp_path / "run", {})
    with pytest.raises(KeyboardInterrupt):
        train(Regression(stop_at=5), PLAN, seed=0, checkpoints=checkpoints)
    assert sorted(scalars(tmp_path / "run.log", "train_loss")) == [4, 8, 12, 16, 20]
    curve = train(Regression(), PLAN, seed=0, checkpoints=checkpoints)
    steps = scalars(tmp_path / "run.log", "tokens_per_second")
    assert sorted(steps) == [4, 8, 12, 16, 20, 24, 28, 32, 36]
    assert all(speed > 0 for speed in steps.values())
    perplexities = scalars(tmp_path / "run.log", "valid_perplexity")
    assert perplexities == pytest.approx({point.careers: point.valid_perplexity for point in curve}, rel=1e-6)


def test_the_loss_shown_is_that_of_the_curve(tmp_path: Path) -> None:
    """With one batch an epoch and a validation after each, a step's loss is the curve's."""
    plan = dataclasses.replace(PLAN, batch_size=12)
    curve = train(Regression(), plan, seed=0, checkpoints=Checkpoints.of_run(tmp_path / "run", {}))
    shown = scalars(tmp_path / "run.log", "train_loss")
    assert shown == pytest.approx({point.careers: point.train_loss for point in curve[1:]}, rel=1e-6)


def test_nothing_is_logged_unless_asked(tmp_path: Path) -> None:
    quiet = dataclasses.replace(PLAN, live_log=None)
    train(Regression(), quiet, seed=0, checkpoints=Checkpoints.of_run(tmp_path / "run", {}))
    assert not (tmp_path / "run.log").exists()


def test_logging_elsewhere_is_the_same_training(tmp_path: Path) -> None:
    """A checkpoint is taken up by a training that logs to another place."""
    checkpoints = Checkpoints.of_run(tmp_path / "run", {})
    train(Regression(), PLAN, seed=0, checkpoints=checkpoints)
    task = Regression()
    train(task, dataclasses.replace(PLAN, live_log=None), seed=0, checkpoints=checkpoints)
    assert task.seen == []


@pytest.mark.parametrize("tracker", ["trackio", "wandb"])
def test_a_tracker_is_told(tracker: LogTo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real package, without a network."""
    pytest.importorskip(tracker)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    logger = open_logger(tracker, tmp_path / "run.log")
    logger.log({"train_loss": 0.5}, step=4)
    logger.finish()
    assert any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_package_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("laborllm.training.logs.loggers.find_spec", lambda name: None)
    with pytest.raises(OptionError, match="wandb is not installed") as found:
        open_logger("wandb", tmp_path)
    assert found.value.hint == "pip install wandb"


def test_an_unknown_log_is_refused() -> None:
    with pytest.raises(OptionError, match="unknown live-log 'paper': use tensorboard, trackio, wandb"):
        dataclasses.replace(PLAN, live_log="paper")  # type: ignore[arg-type]


def test_operations_of_a_token_by_hand() -> None:
    """Ten tokens looked up, a layer of 4 to 8 with a bias, one of 8 to 2 that is not trained, an output tied to the
    embedding."""
    module = nn.ModuleList([nn.Embedding(10, 4), nn.Linear(4, 8), nn.Linear(8, 2), nn.Linear(4, 10, bias=False)])
    module[2].requires_grad_(False)
    assert flops_per_token(module) == 6 * 32 + 4 * 16 + 6 * 40
    module[3].weight = module[0].weight
    assert flops_per_token(module) == 6 * 32 + 4 * 16 + 6 * 40
    assert flops_per_token(module[:3]) == 6 * 32 + 4 * 16


def test_the_peak_is_one_that_a_machine_has() -> None:
    assert 1e8 < peak_flops(torch.device("cpu")) < 1e14
