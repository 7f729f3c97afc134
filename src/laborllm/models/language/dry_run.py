"""A dry run of a fit: everything is read and checked, a few steps are taken and timed, and nothing is written."""

import time
from dataclasses import dataclass, replace

from laborllm.lm.forward.loglikelihood import title_perplexity
from laborllm.lm.tokens.encoding import by_worker
from laborllm.lm.tuning.finetune import finetune
from laborllm.models.language.language_model import Prepared, prepare
from laborllm.models.language.specs import LanguageModel
from laborllm.panel import Panel
from laborllm.runtime import peak_memory
from laborllm.training.schedule import batches

FLOAT = 4  # bytes of a weight: master weights and the optimiser are in float32
WATCHED = 8  # validation careers that are timed
COPIES = 4  # in a checkpoint: the weights, the best ones, and two moments of AdamW


@dataclass(frozen=True)
class Rehearsal:
    """What a fit would do, counted, and what it would take, from a few measured steps.

    tokens: of the training careers, read once. longest: tokens of the longest career; context: how many the base model
    reads. steps: of the optimiser; looks: at the validation split. trained: weights that change. seconds: estimated,
    training and looks, on this machine alone. memory: highest so far in bytes, of this process or of its GPU.
    checkpoint: bytes of one; two must fit on the disk.
    """

    careers: int
    valid_careers: int
    tokens: int
    longest: int
    context: int
    steps: int
    looks: int
    trained: int
    tokens_per_second: float
    seconds: float
    memory: int
    checkpoint: int


def rehearse(spec: LanguageModel, panel: Panel, *, seed: int = 0, steps: int = 4) -> Rehearsal:
    """Read and check all that `spec.fit(panel)` would, and take its first `steps` steps, of which the first, when
    nothing is warm, is not timed if there are others. Raises what the fit would."""
    config = spec.training
    ready = prepare(spec, panel, seed=seed)
    training = by_worker(ready.training)
    order = list(batches(len(training), config, seed=seed))
    first = [text for batch in order[:steps] for index in batch for text in training[index]]
    looks = 2 + (len(training) * config.epochs - 1) // config.validate_every
    brief = replace(config, epochs=1, validate_every=config.batch_size, early_stopping=None)
    curve, adapter = finetune(ready.model, first, ready.valid[:1], brief, seed=seed)
    tuned = ready.model.base.model.parameters() if adapter is None else adapter.tensors.values()
    trained = sum(tensor.numel() for tensor in tuned)
    lengths = [len(career.tokens) for career in ready.training]
    warm, end = curve[min(1, len(curve) - 2)], curve[-1]
    rate = (end.tokens - warm.tokens) / (end.seconds - warm.seconds)
    return Rehearsal(
        careers=len(training),
        valid_careers=len(by_worker(ready.valid)),
        tokens=sum(lengths),
        longest=max(lengths),
        context=ready.model.decoder.context,
        steps=len(order),
        looks=looks,
        trained=trained,
        tokens_per_second=rate,
        seconds=sum(lengths) * config.epochs / rate + looks * _look(ready),
        memory=peak_memory(),
        checkpoint=COPIES * FLOAT * trained,
    )


def _look(ready: Prepared) -> float:
    """Seconds of one look at the validation split, from a part of it."""
    part = ready.valid[:WATCHED]
    start = time.monotonic()
    title_perplexity(ready.model, part)
    seconds = time.monotonic() - start
    return seconds * sum(len(c.tokens) for c in ready.valid) / sum(len(c.tokens) for c in part)
