"""The gradient of a batch: the weighted mean of its careers', however memory cuts it into passes."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from laborllm.errors import OptionError, RunError
from laborllm.training.config import TrainingConfig
from laborllm.training.gradient import BatchGradient, not_finite
from laborllm.training.loop import train
from laborllm.training.parallel.processes import Processes
from training.regression import Regression


class InPasses(Regression):
    """A regression that is read in passes of as many careers as memory holds, with a memory of `holds` careers."""

    def __init__(self, *, most: int, holds: int, dropout: float = 0.0) -> None:
        super().__init__(dropout=dropout)
        self.most, self.holds = most, holds
        self.read: list[int] = []

    def passes(self, batch: Sequence[int]) -> list[Sequence[int]]:
        return [batch[start : start + self.most] for start in range(0, len(batch), self.most)]

    def halve_passes(self) -> bool:
        smaller = self.most > 1
        self.most = max(1, self.most // 2)
        return smaller

    def loss(self, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        for part in self.passes(batch):
            if len(part) > self.holds:
                raise MemoryError
            self.read.append(len(part))
            yield from super().loss(part)


def gradient_of(task: Regression, batch: Sequence[int], seed: int = 0) -> tuple[Tensor, tuple[float, float]]:
    """The gradient as one vector, and the loss and weight of the batch."""
    parameters = dict(task.module.named_parameters())
    found = BatchGradient(task, parameters, Processes(), None, seed).compute(batch, step=0, careers=0)
    grads = [parameter.grad for parameter in parameters.values() if parameter.grad is not None]
    return torch.cat([grad.flatten() for grad in grads]), found


def by_hand(task: Regression, batch: Sequence[int]) -> Tensor:
    """At zero weights: the weighted mean of -y x, and of -y."""
    weights = torch.tensor([task.lengths[at] for at in batch], dtype=torch.float64)[:, None]
    x, y = task.x[list(batch)], task.y[list(batch)]
    return torch.cat([-(weights * y * x).sum(0), -(weights * y).sum(0)]) / weights.sum()


@settings(max_examples=20)
@given(batch=st.lists(st.integers(0, 11), min_size=1, max_size=12, unique=True), cuts=st.integers(1, 5))
def test_it_is_the_weighted_mean_of_the_careers(batch: list[int], cuts: int) -> None:
    task = Regression(cuts=cuts)
    gradient, (nats, weight) = gradient_of(task, batch)
    torch.testing.assert_close(gradient, by_hand(task, batch), rtol=1e-10, atol=1e-12)
    assert weight == sum(task.lengths[at] for at in batch)
    assert nats == pytest.approx(sum(task.lengths[at] * float(task.y[at, 0]) ** 2 / 2 for at in batch))


@pytest.mark.parametrize(("most", "holds"), [(12, 12), (12, 5), (12, 1), (3, 2)])
def test_passes_shrink_until_memory_holds_them(most: int, holds: int) -> None:
    """Nothing of a pass that did not fit is left in the gradient."""
    task, batch = InPasses(most=most, holds=holds), list(range(12))
    gradient, (_, weight) = gradient_of(task, batch)
    torch.testing.assert_close(gradient, by_hand(task, batch), rtol=1e-10, atol=1e-12)
    assert weight == sum(task.lengths)
    assert task.most <= holds
    assert sum(task.read) == 12


def test_memory_that_holds_no_career_is_an_error() -> None:
    with pytest.raises(MemoryError):
        gradient_of(InPasses(most=4, holds=0), [0, 1, 2, 3])


def test_a_task_of_one_pass_cannot_shrink() -> None:
    task = Regression()
    task.loss = lambda batch: iter(_fails())  # type: ignore[method-assign]
    with pytest.raises(MemoryError):
        gradient_of(task, [0])


def _fails() -> list[tuple[Tensor, float]]:
    raise MemoryError


def test_another_error_is_not_taken_for_a_lack_of_memory() -> None:
    task = InPasses(most=4, holds=4)
    task.x = torch.zeros(12, 5, dtype=torch.float64)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        gradient_of(task, [0, 1])
    assert task.most == 4


def test_dropout_is_a_function_of_seed_and_step() -> None:
    """And a pass that did not fit draws the same again, so a smaller memory of the same passes changes nothing."""
    same = [gradient_of(Regression(dropout=0.5), range(12), seed)[0] for seed in (1, 1, 2)]
    assert torch.equal(same[0], same[1])
    assert not torch.equal(same[0], same[2])
    task = Regression(dropout=0.5)
    state = torch.get_rng_state()
    gradient_of(task, range(12))
    assert torch.equal(torch.get_rng_state(), state)
    small, tight = InPasses(most=3, holds=3, dropout=0.5), InPasses(most=6, holds=3, dropout=0.5)
    assert torch.equal(gradient_of(small, range(12))[0], gradient_of(tight, range(12))[0])


def test_what_is_not_finite_says_when() -> None:
    assert "before any step: the initial weights, or the data, are not finite" in str(not_finite("the loss is nan", 0))
    assert str(not_finite("the loss is inf", 640)) == "the loss is inf after 640 careers: lower the learning rate"
    task = Regression()
    task.y[2] = math.inf
    with pytest.raises(RunError, match="the loss is inf before any step"):
        gradient_of(task, [1, 2])


def test_a_rate_that_is_too_high_is_said_to_be() -> None:
    """The weights explode, and the error says how far training came and what to do."""
    wild = TrainingConfig(epochs=400, batch_size=12, learning_rate=1e200, warmup=0.0, decay="constant", clip=1e300)
    task = Regression()
    task.perplexity = lambda: 1.0  # type: ignore[method-assign]
    with pytest.raises(RunError, match=r"the loss is (inf|nan) after \d+ careers: lower the learning rate"):
        train(task, wild, seed=0)


def test_a_task_of_one_pass_cannot_be_sharded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchrun would start it, with two processes."""

    def of_two(self: Processes) -> None:
        self.rank, self.count = 0, 2

    monkeypatch.setattr(Processes, "__init__", of_two)
    with pytest.raises(OptionError, match="regression cannot shard its weights") as refused:
        train(Regression(), TrainingConfig(epochs=1, batch_size=4, learning_rate=0.1, shard=True), seed=0)
    assert refused.value.hint == "leave out --shard"


@given(careers=st.integers(0, 20), processes=st.integers(1, 6))
def test_shares_are_a_partition_as_even_as_can_be(careers: int, processes: int) -> None:
    several = Processes()
    several.count = processes
    batch = list(range(100, 100 + careers))
    shares = several.shares(batch)
    assert sorted(at for share in shares for at in share) == batch
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    for rank in range(processes):
        several.rank = rank
        assert several.share(batch) == shares[rank]
        assert several.is_main == (rank == 0)


def test_one_process_has_nobody_to_ask() -> None:
    one = Processes()
    gradient = torch.nn.Parameter(torch.ones(2))
    gradient.grad = torch.full((2,), 3.0)
    one.sum_gradients([gradient])
    assert gradient.grad.tolist() == [3, 3]
    assert (one.total(2.5), one.of_main(np.float64(1.5))) == (2.5, 1.5)
