"""Fitting, once for every network over index sequences: its training, its teacher, and its cycles."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from laborllm.models.distillation import probabilities, saved_forecast
from laborllm.models.runs.lineage import Lineage
from laborllm.models.runs.options import identity
from laborllm.models.runs.run_folder import FitRecord
from laborllm.models.runs.seen import seen_values
from laborllm.models.sequence.inputs.careers import index_careers
from laborllm.models.sequence.inputs.hidden import Hiding
from laborllm.models.sequence.inputs.vocabulary import Vocabulary
from laborllm.models.sequence.model import FittedSequence, new_network
from laborllm.models.sequence.network import NextOccupation
from laborllm.models.sequence.warm_start import warm_start
from laborllm.panel import Panel
from laborllm.runtime import best_device, seeded
from laborllm.storage import file_hash
from laborllm.training.checkpoint import Checkpoints, Identity
from laborllm.training.loop import train

if TYPE_CHECKING:
    from laborllm.models.sequence.specs import Career, SequenceSpec


def fit_sequence(spec: "SequenceSpec", panel: Panel, *, seed: int, out: Path | None) -> FittedSequence:
    """Train on split train; the weights kept are those with the lowest perplexity on split valid.

    Args:
        spec: The network and how it is trained.
        panel: The careers.
        seed: Decides everything random.
        out: The run folder that will be written, next to which checkpoints are kept; None: none are.

    Returns:
        The fitted model.
    """
    training, validation = (panel.subset(split).observed() for split in ("train", "valid"))
    vocabulary, ancestors = Vocabulary.of(training), []
    with seeded(seed):
        network = new_network(spec, vocabulary, len(panel.taxonomy))
        if spec.name == "career":
            ancestors.append(warm_start(network, cast("Career", spec), vocabulary, panel))
    task = NextOccupation(
        name=f"fit {spec.name}",
        module=network.to(best_device()),
        train=index_careers(training, vocabulary).to(best_device()),
        valid=index_careers(validation, vocabulary).to(best_device()),
        hiding=Hiding(spec.record_dropout, spec.covariate_dropout, none=len(panel.taxonomy)),
    )
    if spec.teacher is not None:
        task, of_teacher = _taught(task, spec.teacher, spec.teacher_weight, panel, training)
        ancestors.append(of_teacher)
    decides = identity(spec, spec.name, panel, teacher=None if spec.teacher is None else file_hash(spec.teacher))
    record = FitRecord.on(panel, training, seed=seed, ancestors=ancestors, seen=seen_values(training))
    trained = _in_cycles(spec, task, FittedSequence(spec, record, vocabulary, network, []), decides, out)
    return replace(trained[-1], snapshots=tuple(trained[:-1]))


def _taught(
    task: NextOccupation, teacher: Path, share: float | None, panel: Panel, training: Panel
) -> tuple[NextOccupation, Lineage]:
    """The task with a teacher's forecasts of the training records, and the splits behind them."""
    saved = saved_forecast(teacher, panel)
    probs = torch.from_numpy(probabilities(saved.forecast(training)))
    return replace(task, teacher_probs=probs.to(best_device()), teacher_share=share), saved.lineage


def _in_cycles(
    spec: "SequenceSpec",
    task: NextOccupation,
    untrained: FittedSequence,
    decides: Identity,
    out: Path | None,
) -> Sequence[FittedSequence]:
    """The model after each cycle: each begins with the best weights of the one before, and the rate rises again."""
    trained = []
    for number in range(1, spec.cycles + 1):
        place = out if out is None or number == 1 else out.with_name(f"{out.name}.cycle-{number}")
        checkpoints = None if place is None else Checkpoints.of_run(place, decides)
        curve = train(task, spec.training, seed=untrained.record.seed + number - 1, checkpoints=checkpoints)
        trained.append(
            replace(
                untrained,
                spec=replace(spec, cycles=number),
                network=task.module if number == spec.cycles else deepcopy(task.module),
                curve=curve,
                checkpoints=checkpoints,
            )
        )
    return trained
