"""A trained network over index sequences: forecasting and storing, once for every network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from laborllm.errors import RunError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.runs.finite import require_finite
from laborllm.models.runs.options import to_options
from laborllm.models.runs.run_folder import FILE as RUN_FILE
from laborllm.models.runs.run_folder import FitRecord, Run, new_run
from laborllm.models.sequence.bag_of_jobs import BagNetwork
from laborllm.models.sequence.career import CareerNetwork
from laborllm.models.sequence.inputs.careers import Careers, index_careers, index_sizes
from laborllm.models.sequence.inputs.vocabulary import Vocabulary
from laborllm.models.sequence.logit import logit_network
from laborllm.models.sequence.nemo import NemoNetwork
from laborllm.models.sequence.network import log_probs, observed_log_probs
from laborllm.models.sequence.paths import SequencePaths, SteppingNetwork, sequence_paths
from laborllm.panel import Panel
from laborllm.runtime import best_device
from laborllm.storage import make_folder
from laborllm.training.checkpoint import Checkpoints
from laborllm.training.curve import CurvePoint, best_point, read_curve, write_curve

if TYPE_CHECKING:
    from laborllm.models.sequence.specs import SequenceSpec

WEIGHTS, VOCABULARY, CURVE, SNAPSHOTS = "weights.safetensors", "vocabulary.json", "curve.csv", "snapshots"
NETWORKS: dict[str, tuple[Callable[..., nn.Module], str]] = {
    "logit": (logit_network, "tables.previous.weight"),
    "bag-of-jobs": (BagNetwork, "last.weight"),
    "nemo": (NemoNetwork, "occupations.weight"),
    "career": (CareerNetwork, "occupations.weight"),
}
"""Model to its network, and to where that keeps the vectors of the last occupation."""
SHAPE = ("layers", "width", "heads", "dropout")
"""Fields of a spec that its network takes, where it has them."""


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
        snapshots: The model after each cycle but the last; none if it was loaded.
    """

    spec: "SequenceSpec"
    record: FitRecord
    vocabulary: Vocabulary
    network: nn.Module
    curve: list[CurvePoint]
    checkpoints: Checkpoints | None = None
    snapshots: tuple["FittedSequence", ...] = ()

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
        """Run the network over each career.

        Args:
            panel: n records, open ones included.
            scoring: Not used: no titles are scored.
        """
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
        """Log-probability of the observed occupations, (m,) nats, without an (m, J) array.

        Args:
            panel: Records, m of them observed.
            scoring: Not used: no titles are scored.
        """
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
        _, place = NETWORKS[self.spec.name]
        vectors = self.network.get_parameter(place).detach()
        return vectors[: len(self.record.taxonomy)].double().cpu().numpy()

    def save(self, path: str | Path) -> None:
        """Write the run folder: the weights, the indexes of the covariates, the learning curve and the snapshots; then
        remove checkpoints.
        """
        with new_run(path, self.spec.name, to_options(self.spec), self.record, self.metrics) as folder:
            save_file(self.network.state_dict(), folder / WEIGHTS)
            (folder / VOCABULARY).write_text(self.vocabulary.to_json())
            write_curve(folder / CURVE, self.curve)
            if self.snapshots:
                make_folder(folder / SNAPSHOTS)
            for number, snapshot in enumerate(self.snapshots, start=1):
                snapshot.save(folder / SNAPSHOTS / str(number))
        if self.checkpoints is not None:
            self.checkpoints.remove()

    @classmethod
    def load(cls, run: Run, spec: "SequenceSpec") -> Self:
        """Read the weights of a run folder onto the best device.

        Args:
            run: The run folder.
            spec: What was fitted.
        """
        vocabulary = Vocabulary.from_json((run.path / VOCABULARY).read_text())
        weights = load_file(run.path / WEIGHTS)
        require_finite(run.path / WEIGHTS, weights)
        network = _with_weights(run.path, spec, vocabulary, len(run.record.taxonomy), weights)
        return cls(spec, run.record, vocabulary, network.to(best_device()), read_curve(run.path / CURVE))

    def _careers(self, panel: Panel) -> Careers:
        """`panel`, over the taxonomy of the fit, as the network reads it."""
        return index_careers(panel, self.vocabulary).to(best_device())


def _with_weights(
    path: Path, spec: "SequenceSpec", vocabulary: Vocabulary, occupations: int, weights: Mapping[str, Tensor]
) -> nn.Module:
    """The network that a spec describes, with these weights; `RunError` unless they are its own: one that is built with
    weights first would take what memory a changed spec claims."""
    if getattr(spec, "layers", 0) <= len(weights):
        with torch.device("meta"):
            network = new_network(spec, vocabulary, occupations)
        if _shapes(network.state_dict()) == _shapes(weights):
            network.load_state_dict(weights, assign=True)
            return network
    raise RunError(f"{path / WEIGHTS} does not hold the weights of the network that {path / RUN_FILE} describes")


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (weight.shape, weight.dtype) for name, weight in weights.items()}


def new_network(spec: "SequenceSpec", vocabulary: Vocabulary, occupations: int) -> nn.Module:
    """An untrained network, from a `Batch` to scores (n, occupations + 1).

    Args:
        spec: Which network, and its size.
        vocabulary: The indexes of the covariates.
        occupations: J.

    Returns:
        The network, on the CPU.
    """
    network, _ = NETWORKS[spec.name]
    shape = {name: getattr(spec, name) for name in SHAPE if hasattr(spec, name)}
    return network(index_sizes(vocabulary), occupations, **shape)
