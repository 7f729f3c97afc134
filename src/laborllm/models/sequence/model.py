"""The contract of an occupation model, kept once for every network that reads index sequences."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self, cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from laborllm.errors import OptionError, RunError
from laborllm.models.contract import Floats, Forecast
from laborllm.models.run_folder import Trained, new_run, read_run, restored, stated, training_facts
from laborllm.models.sequence.careers import Careers, index_careers, index_sizes
from laborllm.models.sequence.network import NextOccupation, log_probs, observed_log_probs
from laborllm.models.sequence.paths import SequencePaths, SteppingNetwork, sequence_paths
from laborllm.models.sequence.vocabulary import Vocabulary
from laborllm.panel import Panel
from laborllm.runtime import best_device
from laborllm.training.checkpoint import Checkpoints
from laborllm.training.curve import CurvePoint, best_point, read_curve, write_curve
from laborllm.training.loop import train
from laborllm.training.plan import Plan

WEIGHTS, VOCABULARY, CURVE = "weights.safetensors", "vocabulary.json", "curve.csv"


@dataclass
class SequenceModel(ABC):
    """A subclass names itself, adds its options, each with a default, and builds its network from them.

    plan: how to train.
    """

    name: ClassVar[str]

    plan: Plan
    fitted: "Fitted | None" = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads"):
            if getattr(self, name, 1) < 1:
                raise OptionError(f"{name} must be at least 1, not {getattr(self, name)}")
        dropout = getattr(self, "dropout", 0.0)
        if not 0 <= dropout < 1:
            raise OptionError(f"dropout is a share from 0 to below 1, not {dropout}")

    @abstractmethod
    def network(self, sizes: Mapping[str, int], classes: int) -> nn.Module:
        """A network from a `Batch` to scores (n, classes + 1), new, for covariates with `sizes` indexes."""

    def beginning(self, vocabulary: Vocabulary, panel: Panel) -> nn.Module:
        """The network that training on `panel` begins with."""
        return self.network(index_sizes(vocabulary), len(panel.taxonomy))

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> Self:
        """Train on split train; the weights kept are those with the lowest perplexity on split valid.

        With `out`, checkpoints are kept beside it until the run folder is saved, and a fit that was interrupted goes on
        from the last.
        """
        training, validation = (panel.subset(split).observed() for split in ("train", "valid"))
        torch.manual_seed(seed)
        vocabulary = Vocabulary.of(training)
        network = self.beginning(vocabulary, panel).to(best_device())
        careers = (index_careers(part, vocabulary).to(best_device()) for part in (training, validation))
        task = NextOccupation(f"fit {self.name}", network, *careers)
        facts = training_facts(self.name, panel, stated(self, "fitted"))
        checkpoints = None if out is None else Checkpoints.beside(out, facts)
        curve = train(task, self.plan, seed=seed, checkpoints=checkpoints)
        self.fitted = Fitted(Trained.on(panel, training, seed=seed), vocabulary, network, curve, checkpoints)
        return self

    def forecast(self, panel: Panel) -> Forecast:
        fitted = self.require_fitted()
        log_prob = [part.cpu().numpy() for part, _ in log_probs(fitted.network, fitted.careers(panel))]
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=np.concatenate(log_prob),
            raw_mass=np.ones(len(panel)),
            method=f"{self.name} (float32)",
        )

    def log_likelihood(self, panel: Panel) -> Floats:
        fitted = self.require_fitted()
        return observed_log_probs(fitted.network, fitted.careers(panel.observed())).double().cpu().numpy()

    def paths(self, panel: Panel, draws: int) -> SequencePaths:
        """Paths that carry the state of the network along (see `models.paths`)."""
        fitted = self.require_fitted()
        fitted.trained.require_same_taxonomy(panel)
        network = cast(SteppingNetwork, fitted.network.eval())
        return sequence_paths(network, fitted.vocabulary, panel, draws)

    def save(self, path: Path) -> None:
        fitted = self.require_fitted()
        with new_run(path, self.name, stated(self, "fitted"), fitted.trained, fitted.metrics) as folder:
            save_file(fitted.network.state_dict(), folder / WEIGHTS)
            (folder / VOCABULARY).write_text(fitted.vocabulary.to_json())
            write_curve(folder / CURVE, fitted.curve)
        if fitted.checkpoints is not None:
            fitted.checkpoints.remove()

    @classmethod
    def load(cls, path: Path) -> Self:
        _, options, trained = read_run(path)
        model = restored(cls, options, path)
        vocabulary = Vocabulary.from_json((path / VOCABULARY).read_text())
        network = model.network(index_sizes(vocabulary), len(trained.taxonomy))
        network.load_state_dict(load_file(path / WEIGHTS))
        model.fitted = Fitted(trained, vocabulary, network.to(best_device()), read_curve(path / CURVE))
        return model

    def require_fitted(self) -> "Fitted":
        if self.fitted is None:
            raise RunError(f"the model {self.name} is not fitted: call fit, or load a run folder")
        return self.fitted


@dataclass(frozen=True)
class Fitted:
    """What training left: facts, the indexes of covariates, the network with its best weights, the learning curve, and
    the checkpoints."""

    trained: Trained
    vocabulary: Vocabulary
    network: nn.Module
    curve: list[CurvePoint]
    checkpoints: Checkpoints | None = None

    @property
    def metrics(self) -> dict[str, float]:
        weights = sum(weight.numel() for weight in self.network.parameters())
        return {
            "validation perplexity": best_point(self.curve).valid_perplexity,
            "parameters": weights,
            "training seconds": self.curve[-1].seconds,
        }

    def careers(self, panel: Panel) -> Careers:
        """`panel` as the network reads it; raises `RunError` if its taxonomy is another one."""
        self.trained.require_same_taxonomy(panel)
        return index_careers(panel, self.vocabulary).to(best_device())
