"""The training loop: AdamW, batches decided by the seed, early stopping, and checkpoints from which an interrupted
training resumes bit for bit."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace

import torch
from torch import Tensor

from laborllm.errors import OptionError, PanelError
from laborllm.progress import progress
from laborllm.training.checkpoint import Checkpoint, Checkpoints
from laborllm.training.config import TrainingConfig
from laborllm.training.curve import CurvePoint, best_point
from laborllm.training.gradient import BatchGradient, not_finite
from laborllm.training.logs.live import LiveLog, live_log
from laborllm.training.parallel.processes import Processes
from laborllm.training.parallel.sharding import Shards
from laborllm.training.schedule import batches, rate_factor
from laborllm.training.state import State, prepare_optimizer, tensors_of
from laborllm.training.task import Task, TaskInPasses
from laborllm.training.weights.average import Average
from laborllm.training.weights.descent import Descent


def train(
    task: Task,
    config: TrainingConfig,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
    shards: Shards | None = None,
) -> list[CurvePoint]:
    """Train `task.module` in place and leave in it the weights with the lowest validation perplexity.

    The order of data and the random numbers of a step are functions of the seed and the step. Under `torchrun` each
    process reads its share of every batch.

    Args:
        task: The module, its training data and its validation.
        config: Epochs, batches, learning rate, validation.
        seed: Decides the order of data and the random numbers.
        checkpoints: Where training is saved at every validation step, and resumes from; on a CPU to the same bits.
        shards: How the module's weights are shared out among the processes already; they stay so.

    Returns:
        The learning curve.

    Raises:
        PanelError: The training split is empty.
        RunError: The loss or the validation perplexity is not finite.
        StorageError: Checkpoints cannot be read or written, or are those of another training.
    """
    if not task.lengths:
        raise PanelError("training needs at least one career in split train")
    training = _Training(task, config, seed, shards)
    if checkpoints is not None:
        decides = {name: value for name, value in asdict(config).items() if name != "live_log"}
        checkpoints = replace(checkpoints, identity={**checkpoints.identity, **decides, "seed": seed})
        training.restore(checkpoints.latest())
    total = len(task.lengths) * config.epochs
    log_file = checkpoints.log if checkpoints is not None and training.processes.is_main else None
    with (
        progress(task.name, total, "careers", shown=training.processes.is_main) as advance,
        live_log(
            config.live_log, log_file, task.module, careers=training.state.careers, processes=training.processes.count
        ) as training.log,
    ):
        advance(training.state.careers)
        if not training.state.curve:
            training.validate()
        while not training.is_over:
            before = training.state.careers
            training.step()
            if training.is_time_to_validate(before):
                training.validate()
                if checkpoints is not None:
                    training.save(checkpoints)
            advance(training.state.careers - before, note=training.note)
    training.end(unshard=shards is None)
    return training.state.curve


class _Training:
    """A training in progress: the module, its optimiser and its state."""

    def __init__(self, task: Task, config: TrainingConfig, seed: int, shards: Shards | None) -> None:
        self.task, self.config, self.seed = task, config, seed
        self.processes = Processes()
        self.shards = self._shards() if shards is None and config.shard and self.processes.count > 1 else shards
        self.lengths = task.lengths
        self.batches = list(batches(len(self.lengths), config, seed=seed))
        self.parameters = {name: p for name, p in task.module.named_parameters() if p.requires_grad}
        self.average = Average(self.parameters, math.ceil(config.average * len(self.batches)))
        self.descent = Descent(self.parameters, config)
        self.gradient = BatchGradient(task, self.parameters, self.processes, self.shards, seed)
        self.state = State()
        self.best: dict[str, Tensor] = {}
        self.log = LiveLog(None)

    @property
    def is_over(self) -> bool:
        return self.state.step == len(self.batches) or self._stops_early

    @property
    def note(self) -> str:
        """Tokens a second, and a second of processor time, which other work on the machine does not lower."""
        state = self.state
        wall, core = (state.tokens / max(seconds, 1e-9) for seconds in (state.seconds, state.processor_seconds))
        rates = f"{wall:,.0f} tokens/s, {core:,.0f} a processor second"
        return f"{rates}, validation perplexity {state.curve[-1].valid_perplexity:.2f}"

    def is_time_to_validate(self, careers_before: int) -> bool:
        every = self.config.validate_every
        return self.state.step == len(self.batches) or self.state.careers // every > careers_before // every

    def step(self) -> None:
        """One step of the optimiser on one batch."""
        start, processor_start = time.monotonic(), time.process_time()
        state, batch = self.state, self.batches[self.state.step]
        self.task.module.train()
        factor = rate_factor(state.step, len(self.batches), self.config.warmup, self.config.decay)
        nats, weight = self.gradient.compute(batch, step=state.step, careers=state.careers)
        rate = self.descent.step(factor)
        state.nats += nats
        state.weight += weight
        state.step += 1
        self.average.update(state.step)
        state.careers += len(batch)
        tokens, seconds = sum(self.lengths[index] for index in batch), time.monotonic() - start
        state.tokens += tokens
        state.seconds += seconds
        state.processor_seconds += time.process_time() - processor_start
        self.log.step(state.careers, loss=nats / weight, tokens=tokens, seconds=seconds, rate=rate)

    def validate(self) -> None:
        """Take a validation step of the averaged weights: add a point to the curve, and store them if they are the best
        so far."""
        with self.average.applied():
            self._validate()

    def _validate(self) -> None:
        state = self.state
        self.task.module.eval()
        perplexity = self.processes.of_main(self._computed(self.task.perplexity))
        if not math.isfinite(perplexity):
            raise not_finite(f"the validation perplexity is {perplexity}", state.careers)
        if not state.curve or perplexity < best_point(state.curve).valid_perplexity:
            self.best = {name: p.detach().clone() for name, p in self.parameters.items()}
        train_loss = state.nats / state.weight if state.weight else math.nan
        state.nats, state.weight = 0.0, 0.0
        state.curve.append(CurvePoint(state.careers, state.tokens, state.seconds, train_loss, perplexity))
        self.log.validation(state.careers, perplexity)

    def save(self, checkpoints: Checkpoints) -> None:
        """Write a checkpoint, in the main process; with shards, in all."""
        tensors = self._tensors()
        if self.shards is not None:
            checkpoints.save(self.state.step, asdict(self.state), tensors, processes=self.processes)
        elif self.processes.is_main:
            checkpoints.save(self.state.step, asdict(self.state), tensors)

    def restore(self, found: Checkpoint | None) -> None:
        """Resume from a checkpoint, if there is one."""
        if found is not None:
            self.state = State.from_json(found.state)
            self.best = {name: torch.empty_like(parameter) for name, parameter in self.parameters.items()}
            prepare_optimizer(self.descent.optimizer, self.parameters, found.names)
            found.read(self._tensors(), together=self.shards is not None)

    def _tensors(self) -> dict[str, Tensor]:
        return tensors_of(self.parameters, self.best, self.average.tensors, self.descent.optimizer)

    def end(self, *, unshard: bool) -> None:
        """Leave the best weights in the module, whole where they are to be unsharded."""
        self._load(self.best)
        if self.shards is not None and unshard:
            self.shards.unshard()

    @torch.no_grad()
    def _load(self, weights: dict[str, Tensor]) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(weights[name])

    def _computed(self, work: Callable[[], float]) -> float:
        return work() if self.shards is None else self.shards.compute(work)

    def _shards(self) -> Shards:
        if not isinstance(self.task, TaskInPasses):
            raise OptionError(f"{self.task.name} cannot shard its weights", hint="leave out --shard")
        return Shards(self.task.module)

    @property
    def _stops_early(self) -> bool:
        steps_since_best = len(self.state.curve) - 1 - self.state.curve.index(best_point(self.state.curve))
        return self.config.early_stopping is not None and steps_since_best >= self.config.early_stopping
