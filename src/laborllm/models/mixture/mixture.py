"""A mixture of fitted models: every distribution is a weighted mean of theirs, the weights chosen on split valid."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
from safetensors.numpy import load_file, save_file

from laborllm.errors import OptionError, RunError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.contract import Floats, Forecast, Forecaster
from laborllm.models.history import training_records
from laborllm.models.mixture.weights import ConstantWeights, VaryingWeights, Weights, constant_weights, varying_weights
from laborllm.models.registry import load_forecaster, state_of, with_scoring
from laborllm.models.run_folder import Trained, new_run, read_metrics, read_run, restored
from laborllm.panel import Panel

WEIGHTS = "weights.safetensors"


@dataclass
class Mixture:
    """members: run folders, and files of forecasts. weights: the same for all records, or such as vary with what is
    known of a record's history. scoring: how members score titles; it is not part of the fit."""

    name: ClassVar[str] = "mixture"

    members: Sequence[Path]
    weights: Literal["constant", "varying"] = "constant"
    scoring: ScoringOptions = field(default_factory=ScoringOptions)
    fitted: "Fitted | None" = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.members:
            raise OptionError("a mixture needs at least one member: a run folder or a file of forecasts")
        if len({member.resolve() for member in self.members}) < len(self.members):
            raise OptionError("a member of the mixture is named twice")
        if self.weights not in ("constant", "varying"):
            raise OptionError(f"unknown kind of weights {self.weights!r}: use constant or varying")

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> Self:
        """Choose the weights under which the records of split valid are most likely; `seed` draws the folds that choose
        the penalty of varying ones."""
        valid = panel.subset("valid").observed()
        states = tuple(state_of(member) for member in self.members)
        members = [load_forecaster(member, self.scoring, held_out_by=panel) for member in self.members]
        log_prob = np.stack([member.forecast(valid).log_likelihood for member in members], axis=1)
        if self.weights == "constant":
            weights: Weights = ConstantWeights(constant_weights(log_prob))
        else:
            weights = varying_weights(log_prob, valid, training_records(panel), seed=seed)
        metrics = self._metrics(log_prob, weights.log_weights(valid))
        self.fitted = Fitted(Trained.on(panel, valid, seed=seed), members, states, weights, metrics)
        return self

    def forecast(self, panel: Panel) -> Forecast:
        fitted = self._require_fitted()
        fitted.trained.require_same_taxonomy(panel)
        log_weights = fitted.weights.log_weights(panel).astype(np.float32)
        forecasts = [with_scoring(member, self.scoring).forecast(panel) for member in fitted.members]
        weighted = (part.log_prob + log_weights[:, [m]] for m, part in enumerate(forecasts))
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=reduce(np.logaddexp, weighted),
            raw_mass=np.ones(len(panel)),
            method=f"mixture of {len(forecasts)} forecasts",
            error_bound=_error_bound(forecasts, np.exp(log_weights)),
        )

    def log_likelihood(self, panel: Panel) -> Floats:
        return self.forecast(panel).log_likelihood

    def save(self, path: Path) -> None:
        fitted = self._require_fitted()
        members = {os.path.relpath(m, path): state for m, state in zip(self.members, fitted.states, strict=True)}
        options = {"weights": self.weights, "members": members}
        with new_run(path, self.name, options, fitted.trained, fitted.metrics) as folder:
            save_file(fitted.weights.tensors(), folder / WEIGHTS)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises `RunError` if a member is another one than when the weights were chosen."""
        _, options, trained = read_run(path)
        states = options.pop("members")
        members = {(path / member).resolve(): state for member, state in states.items()}
        for member, state in members.items():
            if state_of(member) != state:
                raise RunError(f"{path} mixes {member}, which has changed since the weights were chosen: fit it anew")
        kind = ConstantWeights if options["weights"] == "constant" else VaryingWeights
        weights = kind(**load_file(path / WEIGHTS))
        loaded = [load_forecaster(member) for member in members]
        fitted = Fitted(trained, loaded, tuple(states.values()), weights, read_metrics(path))
        return restored(cls, options | {"members": tuple(members), "fitted": fitted}, path)

    def _metrics(self, log_prob: Floats, log_weights: Floats) -> dict[str, float]:
        """Of the records of split valid: perplexities, and mean weights."""
        names = [str(member) for member in self.members]
        mixed = np.logaddexp.reduce(log_weights + log_prob, axis=1)
        shares, alone = np.exp(log_weights).mean(axis=0), np.exp(-log_prob.mean(axis=0))
        return {
            "validation perplexity": float(np.exp(-mixed.mean())),
            **{f"validation perplexity of {name}": float(value) for name, value in zip(names, alone, strict=True)},
            **{f"mean weight of {name}": float(value) for name, value in zip(names, shares, strict=True)},
        }

    def _require_fitted(self) -> "Fitted":
        if self.fitted is None:
            raise RunError("the mixture has no weights yet: call fit, or load a run folder")
        return self.fitted


@dataclass(frozen=True)
class Fitted:
    """What fitting left: training facts, the members, a hash of each, the weights, and how they did on split valid."""

    trained: Trained
    members: Sequence[Forecaster]
    states: Sequence[str]
    weights: Weights
    metrics: dict[str, float]


def _error_bound(forecasts: Sequence[Forecast], weights: Floats) -> Floats | None:
    """The largest total variation from the exact mixture, (n,): the weighted mean of the members' own."""
    bounds = [part.error_bound for part in forecasts]
    if all(bound is None for bound in bounds):
        return None
    known = np.stack([np.zeros(len(weights)) if bound is None else bound for bound in bounds], axis=1)
    return np.asarray((weights * known).sum(axis=1))
