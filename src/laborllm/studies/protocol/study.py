"""A study at work: what its questions ask of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from laborllm.evaluation import Evaluation, evaluate
from laborllm.evaluation.metrics import Metric
from laborllm.evaluation.tables import Pairs
from laborllm.models.forecasts.forecast import Forecast
from laborllm.panel import Panel
from laborllm.studies.protocol.cache import RunCache
from laborllm.studies.protocol.config import Size, StudyFile
from laborllm.studies.protocol.models import HEAD, MIXTURES, OFFSET, REFERENCE, SEEDED, SPECS, head_of, spec_of
from laborllm.studies.protocol.runs import Fit, Scores
from laborllm.studies.protocol.versions import Sampled, Version


@dataclass(frozen=True)
class Study:
    """A study file, its size and its runs.

    Attributes:
        file: What is asked.
        size: How much is computed.
        cache: What was computed.
    """

    file: StudyFile
    size: Size
    cache: RunCache

    @property
    def panels(self) -> tuple[str, ...]:
        """The names of its panels."""
        return tuple(self.file.panels)

    @property
    def first(self) -> str:
        """The panel of questions that take one."""
        return self.panels[0]

    @property
    def seed(self) -> int:
        """The seed of fits of which one is enough."""
        return self.size.seeds[0]

    @property
    def networks(self) -> tuple[str, ...]:
        """Models over codes that learn by gradient."""
        return tuple(model for model in self.over_codes if model in SEEDED)

    @property
    def over_codes(self) -> tuple[str, ...]:
        """The single models over codes."""
        return tuple(model for model in SPECS if model in self.models)

    @property
    def models(self) -> tuple[str, ...]:
        """Every model of the file; by default all over codes that the size has, and the mixtures of them."""
        return self.file.models or (*self.size.models, *MIXTURES)

    def panel(self, version: Version | str) -> Panel:
        """A panel of the study, or a version of it."""
        return self.cache.panels.version(_version(version))

    def fit(self, model: str, on: Version | str, seed: int | None = None) -> Fit:
        """The fit of a model; one that no seed changes has the first.

        Args:
            model: Its name.
            on: The version of a panel that it is fitted on, or the name of a panel.
            seed: Of the fit; default: the first seed of the study.
        """
        seed, version = self.seed if seed is None or model not in SEEDED else seed, _version(on)
        if model in MIXTURES:
            members = tuple(self.fit(member, on, seed) for member in self.over_codes)
            return Fit(model, spec_of(model, self.over_codes), version, seed, members)
        if model == HEAD:
            careers = self.size.head_careers
            read = version if careers is None else version + Sampled(careers)
            return Fit(HEAD, head_of(self.file.base, careers), read, seed, (self.fit(OFFSET, on, seed),))
        return Fit(model, spec_of(model), version, seed)

    def scores(
        self,
        model: str,
        on: Version | str,
        *,
        seed: int | None = None,
        of: Version | str | None = None,
        split: Literal["valid", "test"] = "test",
        whole: bool = True,
    ) -> Scores:
        """What a model, fitted on one version, says of another, by default the same.

        Args:
            model: Its name.
            on: The version of a panel that it is fitted on, or the name of a panel.
            seed: Of the fit; default: the first seed of the study.
            of: The version whose records are scored; default: the one of the fit.
            split: Whose records.
            whole: Keep whole distributions; else the log-likelihoods of what was observed.
        """
        return Scores(self.fit(model, on, seed), _version(on if of is None else of), split, whole)

    def forecasts(self, panel: str, models: Iterable[str] | None = None) -> dict[str, Forecast]:
        """The forecasts of split test by each model, fitted with the first seed.

        Args:
            panel: Name of the panel.
            models: Their names; default: all of the study.
        """
        return {model: self.cache.forecast(self.scores(model, panel)) for model in models or self.models}

    def evaluate(
        self,
        careers: Panel | str,
        models: Mapping[str, Forecast],
        *,
        by: Iterable[str] = (),
        metrics: Iterable[str | Metric] | None = None,
        pairs: Pairs = "reference",
        weights: str = "none",
    ) -> Evaluation:
        """Evaluate on split test, against the reference if it is there, drawing what the split of the panel is by.

        Args:
            careers: The panel, or its name.
            models: Forecasters by name.
            by: Groups to evaluate by.
            metrics: What is measured; default: all metrics.
            pairs: Which models are compared with one another.
            weights: How records are weighted: none, sampling or a column.
        """
        panel = careers if isinstance(careers, Panel) else self.panel(careers)
        return evaluate(
            models,
            panel,
            by=by,
            metrics=metrics,
            pairs=pairs,
            weights=weights,
            cluster=panel.split_by,
            draws=self.size.draws,
            reference=REFERENCE if REFERENCE in models else None,
        )

    def best(self, panel: str) -> str:
        """The network with the lowest perplexity on split valid."""
        found = {model: self.cache.run(self.fit(model, panel)).metrics for model in self.networks}
        return min(found, key=lambda model: found[model]["validation perplexity"])


def _version(version: Version | str) -> Version:
    return version if isinstance(version, Version) else Version(version)
