"""A dry run of a fit: all input is read and checked, a few steps are taken and timed, and nothing is written."""

import time
from dataclasses import dataclass, replace

from laborllm.lm.forward.loglikelihood import title_perplexity
from laborllm.lm.tokens.encoding import by_worker
from laborllm.lm.tokens.store import grouped
from laborllm.lm.tuning.finetune import finetune
from laborllm.models.language.language_model import Prepared, prepare
from laborllm.models.language.specs import LanguageModel
from laborllm.panel import Panel
from laborllm.privacy import bound
from laborllm.runtime import peak_memory
from laborllm.training.schedule import batches

FLOAT = 4  # bytes of a weight: master weights and the optimiser are in float32
TIMED = 8  # validation careers
COPIES = 4  # in a checkpoint: the weights, the best ones, and two moments of AdamW


@dataclass(frozen=True)
class DryRun:
    """The size of a fit, counted, and its cost, estimated from a few steps.

    Attributes:
        careers: Training careers.
        valid_careers: Validation careers.
        tokens: Tokens of the training careers, in one epoch.
        longest: Tokens that the longest training career has at most.
        context: Tokens of the base model's context.
        steps: Steps of the optimiser.
        validation_steps: Validation steps.
        trained: Weights that are trained.
        tokens_per_second: Speed of training.
        seconds: Estimated time of training and validation, on this machine only.
        memory: Peak memory so far in bytes, of this process or of its GPU.
        checkpoint: Bytes of a checkpoint; two must fit on the disk.
    """

    careers: int
    valid_careers: int
    tokens: int
    longest: int
    context: int
    steps: int
    validation_steps: int
    trained: int
    tokens_per_second: float
    seconds: float
    memory: int
    checkpoint: int


def dry_run(spec: LanguageModel, panel: Panel, *, seed: int = 0, steps: int = 4) -> DryRun:
    """Read and check all input of a fit, take its first steps and time them; nothing is written.

    The first step, a warm-up, is not timed if there are others.

    Args:
        spec: The options of the fit.
        panel: The careers.
        seed: Decides everything random.
        steps: How many steps to take.

    Returns:
        What the fit would read and cost.

    Raises:
        LaborLLMError: Whatever the fit would raise on this input.
    """
    config = spec.training
    ready = prepare(spec, panel, seed=seed)
    training = grouped(ready.training)
    order = list(batches(len(training), config, seed=seed))
    first = [text for batch in order[:steps] for index in batch for text in training[index]]
    validation_steps = 2 + (len(training) * config.epochs - 1) // config.validate_every
    brief = replace(config, epochs=1, validate_every=config.batch_size, early_stopping=None)
    curve, adapter = finetune(ready.model, first, ready.valid[:1], brief, seed=seed)
    tuned = ready.model.base.model.parameters() if adapter is None else adapter.tensors.values()
    trained = sum(tensor.numel() for tensor in tuned)
    lengths = [len(career.tokens) for career in ready.training]
    warm, end = curve[min(1, len(curve) - 2)], curve[-1]
    rate = (end.tokens - warm.tokens) / (end.seconds - warm.seconds)
    return DryRun(
        careers=len(training),
        valid_careers=len(by_worker(ready.valid)),
        tokens=sum(lengths),
        longest=min(bound(max(lengths)), ready.model.decoder.context),
        context=ready.model.decoder.context,
        steps=len(order),
        validation_steps=validation_steps,
        trained=trained,
        tokens_per_second=rate,
        seconds=sum(lengths) * config.epochs / rate + validation_steps * _validation_seconds(ready),
        memory=peak_memory(),
        checkpoint=COPIES * FLOAT * trained,
    )


def _validation_seconds(ready: Prepared) -> float:
    """Seconds of one validation step, extrapolated from some careers."""
    part = ready.valid[:TIMED]
    start = time.monotonic()
    title_perplexity(ready.model, part)
    seconds = time.monotonic() - start
    return seconds * sum(len(c.tokens) for c in ready.valid) / sum(len(c.tokens) for c in part)
