"""The training loop: AdamW, batches that the seed decides, and the weights of the best validation kept."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from laborllm.errors import ModelError
from laborllm.progress import progress
from laborllm.training.curve import CurvePoint, best_perplexity
from laborllm.training.plan import Plan
from laborllm.training.schedule import batches, rate_factor
from laborllm.training.task import Task


def train(task: Task, plan: Plan, *, seed: int) -> list[CurvePoint]:
    """Train `task.module` in place, leave the best validated weights in it, and return the learning curve.

    The order of data and what is random in a step are functions of the seed and the step. Raises `ModelError` on an
    empty training split, or a loss or perplexity that is not finite.
    """
    if not task.lengths:
        raise ModelError("training needs at least one career in split train")
    training = _Training(task, plan, seed)
    with progress(task.name, len(task.lengths) * plan.epochs, "careers") as advance:
        training.validate()
        while not training.is_over:
            before = training.state.careers
            training.step()
            if training.is_time_to_validate(before):
                training.validate()
            advance(training.state.careers - before, note=training.note)
    training.restore_best()
    return training.state.curve


@dataclass
class _State:
    """Where training stands: steps, careers, tokens and seconds so far, nats and weight since the last validation."""

    step: int = 0
    careers: int = 0
    tokens: int = 0
    seconds: float = 0.0
    nats: float = 0.0
    weight: float = 0.0
    curve: list[CurvePoint] = field(default_factory=list)


class _Training:
    def __init__(self, task: Task, plan: Plan, seed: int) -> None:
        self.task, self.plan, self.seed = task, plan, seed
        self.batches = list(batches(len(task.lengths), plan, seed=seed))
        self.parameters = {name: p for name, p in task.module.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), lr=plan.learning_rate, weight_decay=plan.weight_decay
        )
        self.state = _State()
        self.best: dict[str, Tensor] = {}

    @property
    def is_over(self) -> bool:
        return self.state.step == len(self.batches) or self._has_lost_patience

    @property
    def note(self) -> str:
        rate = self.state.tokens / max(self.state.seconds, 1e-9)
        return f"{rate:,.0f} tokens/s, validation perplexity {self.state.curve[-1].valid_perplexity:.2f}"

    def is_time_to_validate(self, careers_before: int) -> bool:
        every = self.plan.validate_every
        return self.state.step == len(self.batches) or self.state.careers // every > careers_before // every

    def step(self) -> None:
        """One step of the optimiser on one batch."""
        start = time.monotonic()
        state, batch = self.state, self.batches[self.state.step]
        self.task.module.train()
        torch.manual_seed(_step_seed(self.seed, state.step))
        factor = rate_factor(state.step, len(self.batches), self.plan.warmup, self.plan.decay)
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.learning_rate * factor
        self._descend(self._backward(batch))
        state.step += 1
        state.careers += len(batch)
        state.tokens += sum(self.task.lengths[index] for index in batch)
        state.seconds += time.monotonic() - start

    def validate(self) -> None:
        """Add a point to the curve, and keep the weights if they are the best so far."""
        state = self.state
        self.task.module.eval()
        perplexity = self.task.perplexity()
        if not math.isfinite(perplexity):
            raise _not_finite(f"the validation perplexity is {perplexity}", state)
        if not state.curve or perplexity < best_perplexity(state.curve):
            self.best = {name: p.detach().clone() for name, p in self.parameters.items()}
        train_loss = state.nats / state.weight if state.weight else math.nan
        state.nats, state.weight = 0.0, 0.0
        state.curve.append(CurvePoint(state.careers, state.tokens, state.seconds, train_loss, perplexity))

    @torch.no_grad()
    def restore_best(self) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(self.best[name])

    def _backward(self, batch: Sequence[int]) -> float:
        """Leave the gradient of the summed loss in the parameters and return its weight."""
        total = 0.0
        for loss, weight in self.task.loss(batch):
            if not torch.isfinite(loss):
                raise _not_finite(f"the loss is {loss.item()}", self.state)
            loss.backward()
            self.state.nats += loss.item()
            total += weight
        self.state.weight += total
        return total

    def _descend(self, weight: float) -> None:
        parameters = list(self.parameters.values())
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad /= weight
        torch.nn.utils.clip_grad_norm_(parameters, self.plan.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    @property
    def _has_lost_patience(self) -> bool:
        perplexities = [point.valid_perplexity for point in self.state.curve]
        looks_since_best = len(perplexities) - 1 - perplexities.index(min(perplexities))
        return self.plan.patience is not None and looks_since_best >= self.plan.patience


def _step_seed(seed: int, step: int) -> int:
    """Of what is random in a step, such as dropout."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])


def _not_finite(found: str, state: _State) -> ModelError:
    return ModelError(f"{found} after {state.careers} careers: lower the learning rate")
