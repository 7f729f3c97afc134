"""Fitting, forecasting and storing, once for every network over index sequences."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from laborllm.errors import RunError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.distillation import probabilities, saved_forecast
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.runs.options import from_options, identity, to_options
from laborllm.models.runs.run_folder import FILE as RUN_FILE
from laborllm.models.runs.run_folder import FitRecord, Run, new_run
from laborllm.models.runs.seen import seen_values
from laborllm.models.sequence.bag_of_jobs import BagNetwork
from laborllm.models.sequence.career import CareerNetwork
from laborllm.models.sequence.inputs.careers import Careers, index_careers, index_sizes
from laborllm.models.sequence.inputs.vocabulary import Vocabulary
from laborllm.models.sequence.logit import logit_network
from laborllm.models.sequence.nemo import NemoNetwork
from laborllm.models.sequence.network import NextOccupation, log_probs, observed_log_probs
from laborllm.models.sequence.paths import SequencePaths, SteppingNetwork, sequence_paths
from laborllm.models.sequence.specs import BagOfJobs, Career, Logit, Nemo, SequenceSpec
from laborllm.panel import Panel
from laborllm.runtime import best_device, seeded
from laborllm.storage import file_hash
from laborllm.training.checkpoint import Checkpoints
from laborllm.training.curve import CurvePoint, best_point, read_curve, write_curve
from laborllm.training.loop import train

WEIGHTS, VOCABULARY, CURVE = "weights.safetensors", "vocabulary.json", "curve.csv"
VECTORS = {
    Logit.name: "tables.previous.weight",
    BagOfJobs.name: "last.weight",
    Nemo.name: "occupations.weight",
    Career.name: "occupations.weight",
}
"""Where each network keeps the vectors of the last occupation."""
SPECS: dict[str, type[SequenceSpec]] = {spec.name: spec for spec in (Logit, BagOfJobs, Nemo, Career)}


@dataclass(frozen=True, eq=False)
class FittedSequence:
    """A trained network over index sequences.

    Attributes:
        spec: What was fitted.
        record: What it was fitted on.
        vocabulary: The indexes of the covariates.
        network: The network with its best weights.
        curve: The learning curve.
        checkpoints: The checkpoints of the training, which a run folder makes needless.
    """

    spec: SequenceSpec
    record: FitRecord
    vocabulary: Vocabulary
    network: nn.Module
    curve: list[CurvePoint]
    checkpoints: Checkpoints | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """Validation perplexity, number of parameters, and seconds of training."""
        weights = sum(weight.numel() for weight in self.network.parameters())
        return {
            "validation perplexity": best_point(self.curve).valid_perplexity,
            "parameters": weights,
            "training seconds": self.curve[-1].seconds,
        }

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """Run the network over each career."""
        panel = self.record.over(panel)
        log_prob = [part.cpu().numpy() for part, _ in log_probs(self.network, self._careers(panel))]
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=np.concatenate(log_prob),
            raw_mass=np.ones(len(panel)),
            method=f"{self.spec.name} (float32)",
            lineage=self.record.lineage,
        )

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """Log-probability of the observed occupations, (m,) nats, without an (m, J) array."""
        careers = self._careers(self.record.over(panel.observed()))
        return observed_log_probs(self.network, careers).double().cpu().numpy()

    def paths(self, panel: Panel, draws: int) -> SequencePaths:
        """Paths that carry the state of the network along (see `models.paths`).

        Args:
            panel: Careers whose last records are open.
            draws: Paths of each worker.

        Returns:
            The paths, before their first step.
        """
        panel = self.record.over(panel)
        network = cast(SteppingNetwork, self.network.eval())
        return sequence_paths(network, self.vocabulary, panel, draws)

    def occupation_vectors(self) -> Floats:
        """What the network knows each last occupation by, (J, d)."""
        vectors = self.network.get_parameter(VECTORS[self.spec.name]).detach()
        return vectors[: len(self.record.taxonomy)].double().cpu().numpy()

    def save(self, path: Path) -> None:
        """Write the run folder: the weights, the indexes of the covariates and the learning curve; then remove
        checkpoints.
        """
        with new_run(path, self.spec.name, to_options(self.spec), self.record, self.metrics) as folder:
            save_file(self.network.state_dict(), folder / WEIGHTS)
            (folder / VOCABULARY).write_text(self.vocabulary.to_json())
            write_curve(folder / CURVE, self.curve)
        if self.checkpoints is not None:
            self.checkpoints.remove()

    @classmethod
    def load(cls, run: Run) -> Self:
        """Read the weights of a run folder onto the best device."""
        spec = from_options(SPECS[run.model], run.options, run.path)
        vocabulary = Vocabulary.from_json((run.path / VOCABULARY).read_text())
        weights = load_file(run.path / WEIGHTS)
        _require_weights(run.path, spec, vocabulary, len(run.record.taxonomy), weights)
        network = new_network(spec, vocabulary, len(run.record.taxonomy))
        network.load_state_dict(weights)
        return cls(spec, run.record, vocabulary, network.to(best_device()), read_curve(run.path / CURVE))

    def _careers(self, panel: Panel) -> Careers:
        """`panel`, over the taxonomy of the fit, as the network reads it."""
        return index_careers(panel, self.vocabulary).to(best_device())


def fit_sequence(spec: SequenceSpec, panel: Panel, *, seed: int, out: Path | None) -> FittedSequence:
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
        if isinstance(spec, Career):
            from laborllm.models.sequence.warm_start import warm_start  # which loads models of its kind

            ancestors.append(warm_start(network, spec, vocabulary, panel))
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


def _require_weights(
    path: Path, spec: SequenceSpec, vocabulary: Vocabulary, occupations: int, weights: Mapping[str, Tensor]
) -> None:
    """Raise `RunError` unless weights are those of the network that a spec describes: a network that is built first
    would take what memory a changed spec claims."""
    wanted = {}
    if getattr(spec, "layers", 0) <= len(weights):
        with torch.device("meta"):
            wanted = {
                name: weight.shape for name, weight in new_network(spec, vocabulary, occupations).state_dict().items()
            }
    if wanted != {name: weight.shape for name, weight in weights.items()}:
        raise RunError(f"{path / WEIGHTS} does not hold the weights of the network that {path / RUN_FILE} describes")


def new_network(spec: SequenceSpec, vocabulary: Vocabulary, occupations: int) -> nn.Module:
    """An untrained network, from a `Batch` to scores (n, occupations + 1).

    Args:
        spec: Which network, and its size.
        vocabulary: The indexes of the covariates.
        occupations: J.

    Returns:
        The network, on the CPU.

    Raises:
        RunError: No network of that spec.
    """
    sizes = index_sizes(vocabulary)
    match spec:
        case Logit():
            return logit_network(sizes, occupations)
        case BagOfJobs():
            return BagNetwork(sizes, occupations, spec.width, spec.dropout)
        case Nemo():
            return NemoNetwork(sizes, occupations, spec.layers, spec.width, spec.dropout)
        case Career():
            return CareerNetwork(sizes, occupations, spec.layers, spec.width, spec.heads, spec.dropout)
    raise RunError(f"no network for {spec}")
