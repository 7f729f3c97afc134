"""The fit of a network over index sequences, once for every network."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from laborllm.models.distillation import probabilities, saved_forecast
from laborllm.models.runs.options import identity
from laborllm.models.runs.run_folder import FitRecord
from laborllm.models.runs.seen import seen_values
from laborllm.models.sequence.inputs.careers import index_careers
from laborllm.models.sequence.inputs.vocabulary import Vocabulary
from laborllm.models.sequence.model import FittedSequence, new_network
from laborllm.models.sequence.network import NextOccupation
from laborllm.models.sequence.warm_start import warm_start
from laborllm.panel import Panel
from laborllm.runtime import best_device, seeded
from laborllm.storage import file_hash
from laborllm.training.checkpoint import Checkpoints
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
    network = network.to(best_device())
    train_careers, valid_careers = (
        index_careers(part, vocabulary).to(best_device()) for part in (training, validation)
    )
    task = NextOccupation(f"fit {spec.name}", network, train_careers, valid_careers)
    decides = identity(spec, spec.name, panel)
    if spec.teacher is not None:
        teacher = saved_forecast(spec.teacher, panel)
        ancestors.append(teacher.lineage)
        decides["teacher"] = file_hash(spec.teacher)
        probs = torch.from_numpy(probabilities(teacher.forecast(training))).to(best_device())
        task = replace(task, teacher_probs=probs, teacher_share=spec.teacher_weight)
    checkpoints = None if out is None else Checkpoints.of_run(out, decides)
    curve = train(task, spec.training, seed=seed, checkpoints=checkpoints)
    record = FitRecord.on(panel, training, seed=seed, ancestors=ancestors, seen=seen_values(training))
    return FittedSequence(spec, record, vocabulary, network, curve, checkpoints)
