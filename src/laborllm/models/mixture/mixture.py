"""A mixture of fitted models: each distribution is a weighted mean of theirs, the weights chosen on split valid.

With P_m(k) the probability that member m itself gives to occupation k, before any renormalisation over titles, the
mixture gives sum_m w_m P_m(k): log-likelihoods of the observed occupations are all that its weights need.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from safetensors.numpy import load_file, save_file

from laborllm.errors import OptionError, RunError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.contract import Forecaster, HasVectors
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.mixture.paths import MixturePaths, path_weights
from laborllm.models.mixture.temperature import TemperedPaths, tempered
from laborllm.models.mixture.weights import ConstantWeights, VaryingWeights
from laborllm.models.paths import Paths, paths_at_once
from laborllm.models.registry import load_forecaster, state_of
from laborllm.models.rescored import RescoredPaths, start_paths
from laborllm.models.runs.finite import require_finite
from laborllm.models.runs.options import kept_in, to_options
from laborllm.models.runs.run_folder import FitRecord, Run, new_run
from laborllm.panel import Panel

if TYPE_CHECKING:
    from laborllm.models.mixture.specs import Mixture

WEIGHTS = "weights.safetensors"
MEAN_WEIGHT = "mean weight of "
"""How metrics of this kind are called, the members in order."""


@dataclass(frozen=True, eq=False)
class FittedMixture:
    """Fitted models and their weights.

    Attributes:
        spec: What was fitted.
        record: What the weights were chosen on.
        members: The fitted models, and saved forecasts.
        states: A hash of each member's folder or file.
        weights: How much each member counts.
        metrics: Perplexities on split valid, and mean weights.
        temperature: What the weighted mean is flattened by; see `laborllm.models.mixture.temperature`.
    """

    spec: "Mixture"
    record: FitRecord
    members: Sequence[Forecaster]
    states: Sequence[str]
    weights: ConstantWeights | VaryingWeights
    metrics: Mapping[str, float]
    temperature: float = 1.0

    @property
    def paths_at_once(self) -> int:
        """Paths that a simulation draws at a time: as many as the member with the most memory for each."""
        return min(map(paths_at_once, self.members))

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """The weighted mean of what the members forecast, at the temperature.

        Args:
            panel: n records, open ones included.
            scoring: How members that are language models score titles; default: exactly.

        Raises:
            OptionError: Pruned scoring with a temperature, for which there is no bound.
        """
        mixed = self.mean(self.record.over(panel), scoring)
        return self.at_temperature(mixed) if self.spec.tempered else mixed

    def at_temperature(self, mixed: Forecast) -> Forecast:
        """A forecast of `mean`, flattened by the temperature.

        Raises:
            OptionError: It was made by pruned scoring, for which there is no bound then.
        """
        if mixed.error_bound is not None:
            raise OptionError(
                "pruned scoring has no bound on the error of a tempered mixture: score titles by the tree"
            )
        log_prob = tempered(mixed.log_prob, self.temperature)
        return replace(mixed, log_prob=log_prob, method=f"{mixed.method}, temperature {self.temperature:.3g}")

    def mean(self, panel: Panel, scoring: ScoringOptions | None = None) -> Forecast:
        """The weighted mean of what the members forecast, before any temperature.

        Args:
            panel: n records over the taxonomy of the fit.
            scoring: How members that are language models score titles; default: exactly.
        """
        log_weights = self.weights.log_weights(panel)
        forecasts = [member.forecast(panel, scoring=scoring) for member in self.members]
        log_shares = log_weights + np.log([part.raw_mass for part in forecasts]).T  # (n, M)
        log_mass = np.logaddexp.reduce(log_shares, axis=1)
        log_shares = (log_shares - log_mass[:, None]).astype(np.float32)
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=reduce(np.logaddexp, (part.log_prob + log_shares[:, [m]] for m, part in enumerate(forecasts))),
            raw_mass=np.exp(log_mass),
            method=f"mixture of {len(forecasts)} forecasts",
            error_bound=_error_bound(forecasts, np.exp(log_shares)),
            lineage=self.record.lineage,
        )

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """Log-probability of the observed occupations, (m,) nats, from the log-likelihoods of the members; with a
        temperature from their forecasts.

        Args:
            panel: Records, m of them observed.
            scoring: How members that are language models score titles; default: exactly.
        """
        if self.spec.tempered:
            return self.forecast(panel.observed(), scoring=scoring).raw_log_likelihood
        panel = self.record.over(panel)
        panel = panel.observed()
        log_likelihoods = log_likelihoods_of(self.members, panel, scoring)
        return np.asarray(np.logaddexp.reduce(self.weights.log_weights(panel) + log_likelihoods, axis=1))

    def paths(self, panel: Panel, draws: int) -> Paths:
        """Paths on which each member carries its own state along (see `models.paths`), if all can; else each career is
        forecast again every year.

        Args:
            panel: Careers of W workers, whose last records are open.
            draws: D, paths of each worker.
        """
        panel = self.record.over(panel)
        members = [start_paths(member, panel, draws) for member in self.members]
        if any(isinstance(paths, RescoredPaths) for paths in members):
            return RescoredPaths(self, panel, draws)
        paths = MixturePaths(members, path_weights(self.weights, panel))
        return TemperedPaths(paths, self.temperature) if self.spec.tempered else paths

    def occupation_vectors(self) -> Floats:
        """The vectors of all members that have some, side by side, (J, d): each less its mean and of unit length, times
        the root of the member's mean weight.

        Raises:
            RunError: No member has vectors.
        """
        weights = [value for name, value in self.metrics.items() if name.startswith(MEAN_WEIGHT)]
        parts = [
            weight**0.5 * _unit(member.occupation_vectors())
            for member, weight in zip(self.members, weights, strict=True)
            if isinstance(member, HasVectors)
        ]
        if not parts:
            raise RunError("no member of the mixture has vectors of occupations")
        return np.concatenate(parts, axis=1)

    def save(self, path: str | Path) -> None:
        """Write the run folder: the weights, and where the members are."""
        options = to_options(kept_in(Path(path), self.spec))
        states, temperature = list(self.states), self.temperature
        with new_run(
            path, self.spec.name, options, self.record, self.metrics, members=states, temperature=temperature
        ) as folder:
            save_file(self.weights.tensors(), folder / WEIGHTS)

    @classmethod
    def load(cls, run: Run, spec: "Mixture") -> Self:
        """Raises `RunError` if a member is another one than when the weights were chosen.

        Args:
            run: The run folder.
            spec: What was fitted.
        """
        members, states = tuple((run.path / member).resolve() for member in spec.members), tuple(run.extra["members"])
        for member, state in zip(members, states, strict=True):
            if state_of(member) != state:
                raise RunError(
                    f"{run.path} mixes {member}, which has changed since the weights were chosen: fit it again"
                )
        kind = ConstantWeights if spec.weights == "constant" else VaryingWeights
        numbers = load_file(run.path / WEIGHTS)
        require_finite(run.path / WEIGHTS, numbers, positive=["deviation"])
        loaded = tuple(load_forecaster(member) for member in members)
        temperature = float(run.extra.get("temperature", 1.0))
        return cls(
            replace(spec, members=members), run.record, loaded, states, kind(**numbers), run.metrics, temperature
        )


def _unit(vectors: Floats) -> Floats:
    centred = vectors - vectors.mean(axis=0)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), np.finfo(float).tiny))


def log_likelihoods_of(members: Sequence[Forecaster], panel: Panel, scoring: ScoringOptions | None = None) -> Floats:
    """Log-probabilities that M models give to the occupations of n observed records, (n, M) nats.

    Args:
        members: The M models.
        panel: The n records, all observed.
        scoring: How members that are language models score titles; default: exactly.
    """
    return np.stack([member.log_likelihood(panel, scoring=scoring) for member in members], axis=1)


def _error_bound(forecasts: Sequence[Forecast], shares: Floats) -> Floats | None:
    """The largest total variation from the exact mixture, (n,): the weighted mean of the members' own."""
    bounds = [part.error_bound for part in forecasts]
    if all(bound is None for bound in bounds):
        return None
    known = np.stack([np.zeros(len(shares)) if bound is None else bound for bound in bounds], axis=1)
    return np.asarray((shares * known).sum(axis=1))
