"""A whole training step by step in numpy: AdamW, the learning rate, the clipped gradient; and the files of a curve."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from laborllm.errors import OptionError
from laborllm.training.config import DecayTo, TrainingConfig
from laborllm.training.curve import CurvePoint, best_point, read_curve, write_curve
from laborllm.training.loop import train
from laborllm.training.schedule import batches
from laborllm.training.tensorboard import write_tensorboard
from training.regression import Regression

BETA, GAMMA, EPSILON = 0.9, 0.999, 1e-8  # of Adam, the defaults of torch
Vector = NDArray[np.float64]


def steps_by_hand(task: Regression, config: TrainingConfig, seed: int, start: Vector | None = None) -> Iterator[Vector]:
    """The weights after every step, from `start` or zero: Loshchilov and Hutter 2019, algorithm 2."""
    start = np.zeros(4) if start is None else start
    x = np.column_stack([task.x.numpy(), np.ones(len(task.x))])
    y, length = task.y.numpy()[:, 0], np.array(task.lengths, dtype=float)
    weights, mean, square = start, np.zeros(4), np.zeros(4)
    order = list(batches(len(x), config, seed=seed))
    rise = max(1, math.ceil(config.warmup * len(order)))
    for step, batch in enumerate(order):
        factor = (step + 1) / rise if step < rise else (len(order) - step) / max(1, len(order) - rise)
        rate = config.learning_rate * factor
        error = x[batch] @ weights - y[batch]
        gradient = (length[batch] * error) @ x[batch] / length[batch].sum()
        gradient *= min(1.0, config.clip / (np.linalg.norm(gradient) + 1e-6))
        mean = BETA * mean + (1 - BETA) * gradient
        square = GAMMA * square + (1 - GAMMA) * gradient**2
        moments = mean / (1 - BETA ** (step + 1)), square / (1 - GAMMA ** (step + 1))
        toward = start if config.decay_to == "initial" else np.zeros(4)
        weights = weights - rate * config.weight_decay * (weights - toward)
        weights = weights - rate * moments[0] / (np.sqrt(moments[1]) + EPSILON)
        yield weights


@pytest.mark.parametrize(
    "config",
    [
        TrainingConfig(epochs=5, batch_size=4, learning_rate=0.05, validate_every=12),
        TrainingConfig(epochs=5, batch_size=5, learning_rate=0.05, warmup=0.5, validate_every=12),
        TrainingConfig(epochs=5, batch_size=4, learning_rate=0.05, weight_decay=0.7, validate_every=12),
        TrainingConfig(epochs=5, batch_size=4, learning_rate=0.05, clip=0.3, validate_every=12),
    ],
    ids=["plain", "slow rise", "weight decay", "clipped"],
)
def test_every_validation_step_sees_the_weights_of_adamw(config: TrainingConfig) -> None:
    """The perplexities of the curve are those of the weights by hand, and the best of these are left."""
    task = Regression()
    curve = train(task, config, seed=3)
    by_hand = [np.zeros(4), *steps_by_hand(task, config, seed=3)]
    x, y = np.column_stack([task.x.numpy(), np.ones(len(task.x))]), task.y.numpy()[:, 0]
    perplexity = [math.exp(np.mean((x @ weights - y) ** 2)) for weights in by_hand]
    each_epoch = math.ceil(12 / config.batch_size)
    seen = perplexity[::each_epoch]
    np.testing.assert_allclose([point.valid_perplexity for point in curve], seen, rtol=1e-8)
    best = by_hand[::each_epoch][int(np.argmin(seen))]
    np.testing.assert_allclose(task.weights.numpy(), best, atol=1e-9)


@pytest.mark.parametrize("average", [0.05, 0.3, 1.0])
def test_validation_sees_the_averaged_weights(average: float) -> None:
    """The mean of all steps at first; later steps weigh more; a share of 1 is the plain mean."""
    task = Regression()
    config = TrainingConfig(epochs=5, batch_size=4, learning_rate=0.05, validate_every=12, average=average)
    curve = train(task, config, seed=3)
    steps = np.array(list(steps_by_hand(task, config, seed=3)))  # (15, 4)
    horizon = math.ceil(average * len(steps))
    averages = [np.zeros(4)]
    for taken in range(3, len(steps) + 1, 3):
        early = steps[: min(taken, horizon)].mean(axis=0)
        late = steps[horizon:taken]
        share = (1 - 1 / horizon) ** np.arange(len(late) - 1, -1, -1) / horizon
        averages.append(early * (1 - 1 / horizon) ** len(late) + share @ late)
    x, y = np.column_stack([task.x.numpy(), np.ones(len(task.x))]), task.y.numpy()[:, 0]
    perplexity = [math.exp(np.mean((x @ weights - y) ** 2)) for weights in averages]
    np.testing.assert_allclose([point.valid_perplexity for point in curve], perplexity, rtol=1e-8)
    np.testing.assert_allclose(task.weights.numpy(), averages[int(np.argmin(perplexity))], atol=1e-9)


@pytest.mark.parametrize("decay_to", ["initial", "zero"])
def test_weights_decay_to_zero_or_to_where_they_began(decay_to: DecayTo) -> None:
    start = np.array([2.0, 1.0, -1.0, 0.5])
    task = Regression()
    with torch.no_grad():
        task.linear.weight.copy_(torch.tensor(start[None, :3]))
        task.linear.bias.copy_(torch.tensor(start[3:]))
    config = TrainingConfig(4, 4, 0.05, weight_decay=3.0, decay_to=decay_to, validate_every=12)
    train(task, config, seed=1)
    last = list(steps_by_hand(task, config, 1, start))[-1]
    np.testing.assert_allclose(task.weights.numpy(), last, atol=1e-9)


def test_an_average_leaves_training_as_it_is() -> None:
    """The losses of the steps, which are of the weights themselves, are the same to the last bit with an average."""
    curves = [
        train(Regression(), TrainingConfig(3, 4, 0.05, validate_every=12, average=average), seed=2)
        for average in (0.0, 0.5)
    ]
    assert [point.train_loss for point in curves[0][1:]] == [point.train_loss for point in curves[1][1:]]


@pytest.mark.parametrize("average", [-0.1, 1.1, math.nan])
def test_an_average_is_over_a_share_of_the_steps(average: float) -> None:
    with pytest.raises(OptionError, match="average is a share of the steps between 0 and 1"):
        TrainingConfig(epochs=1, batch_size=1, learning_rate=0.1, average=average)


def test_weights_decay_to_nothing_else() -> None:
    with pytest.raises(OptionError, match="unknown decay-to 'one': use zero, initial"):
        TrainingConfig(epochs=1, batch_size=1, learning_rate=0.1, decay_to="one")  # type: ignore[arg-type]


def test_the_loss_of_a_point_is_that_of_the_steps_before_it() -> None:
    task, config = Regression(), TrainingConfig(epochs=2, batch_size=6, learning_rate=0.05, validate_every=12)
    curve = train(task, config, seed=1)
    weights = [np.zeros(4), *steps_by_hand(task, config, seed=1)]
    x, y = np.column_stack([task.x.numpy(), np.ones(len(task.x))]), task.y.numpy()[:, 0]
    nats = weight = 0.0
    for batch, before in zip(list(batches(12, config, seed=1))[:2], weights, strict=False):
        length = np.array([task.lengths[at] for at in batch])
        nats += float(length @ (x[batch] @ before - y[batch]) ** 2) / 2
        weight += float(length.sum())
    assert math.isnan(curve[0].train_loss)
    assert curve[1].train_loss == pytest.approx(nats / weight)


@given(st.lists(st.sampled_from([8.0, 8.5, 9.0]), min_size=1, max_size=6))
def test_the_best_point_is_the_first_of_the_lowest(perplexities: list[float]) -> None:
    curve = [CurvePoint(at, at, 0.0, 0.0, value) for at, value in enumerate(perplexities)]
    assert best_point(curve).careers == int(np.argmin(perplexities))


def test_a_curve_survives_its_file_to_the_last_bit(tmp_path: Path) -> None:
    curve = [CurvePoint(0, 0, 0.0, math.nan, 1 / 3), CurvePoint(7, 10**12, 1e-9, -0.1, 1e300)]
    write_curve(tmp_path / "curve.csv", curve)
    read = read_curve(tmp_path / "curve.csv")
    assert read[1:] == curve[1:]
    assert math.isnan(read[0].train_loss)
    assert (tmp_path / "curve.csv").read_text().splitlines()[0] == "careers,tokens,seconds,train_loss,valid_perplexity"


def test_tensorboard_reads_the_curve(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing import event_accumulator  # type: ignore[import-untyped]

    write_tensorboard(tmp_path / "board", [CurvePoint(at, 10 * at, 0.5 * at, 2.0 - at / 8, 9.0 - at) for at in (4, 8)])
    events = event_accumulator.EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"careers", "tokens", "seconds", "train_loss", "valid_perplexity"}
    found = {name: [(each.step, each.value) for each in events.Scalars(name)] for name in events.Tags()["scalars"]}
    assert found["valid_perplexity"] == [(4, 5.0), (8, 1.0)]
    assert found["train_loss"] == [(4, 1.5), (8, 1.0)]
    assert found["tokens"] == [(4, 40.0), (8, 80.0)]


def test_without_tensorboard_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("laborllm.training.tensorboard.find_spec", lambda name: None)
    write_tensorboard(tmp_path / "board", [CurvePoint(0, 0, 0.0, 0.0, 1.0)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["epochs", "batch_size", "learning_rate", "clip", "validate_every", "early_stopping"])
@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_numbers_that_must_be_above_zero(name: str, value: float) -> None:
    fits = {"epochs": 1, "batch_size": 1, "learning_rate": 0.1}
    with pytest.raises(OptionError, match=f"{name.replace('_', '-')} must be above zero, not {value}"):
        TrainingConfig(**{**fits, name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("warmup", [-0.1, 1.1, math.nan])
def test_a_warm_up_is_a_share(warmup: float) -> None:
    with pytest.raises(OptionError, match="warmup is a share of the steps between 0 and 1"):
        TrainingConfig(epochs=1, batch_size=1, learning_rate=0.1, warmup=warmup)


def test_what_requires_no_gradient_is_not_trained() -> None:
    """As the base model under an adapter: its weights stay to the last bit, the rest learns."""
    task = Regression()
    task.linear.bias.requires_grad_(False)
    train(task, TrainingConfig(epochs=3, batch_size=4, learning_rate=0.1), seed=0)
    assert task.linear.bias.item() == 0
    assert bool(task.linear.weight.detach().abs().min() > 0.01)
    assert torch.isfinite(task.weights).all()
