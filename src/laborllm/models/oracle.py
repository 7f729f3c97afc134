"""The oracle: the data-generating process of synthetic careers, as a model. None beats it on them but by luck."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.runs.options import to_options
from laborllm.models.runs.run_folder import FitRecord, Run, new_run
from laborllm.panel import Panel
from laborllm.sources.synthetic import DataGeneratingProcess, DgpParameters


@dataclass(frozen=True)
class Oracle:
    """The data-generating process of a synthetic panel, which no model beats but by luck. Takes a moment.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> ll.Oracle().fit(panel).spec
        Oracle()
    """

    name: ClassVar[str] = "oracle"

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> "FittedOracle":
        """Read the process from a panel; nothing is estimated.

        Args:
            panel: Synthetic careers.
            seed: Written into the record; nothing is random.
            out: Not used: nothing is trained.

        Returns:
            The process as a fitted model.

        Raises:
            SourceError: The panel is not one of synthetic careers.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> len(ll.Oracle().fit(panel).log_likelihood(panel)) == len(panel)
            True
        """
        return FittedOracle(
            self,
            FitRecord.on(panel, panel.subset("train").observed(), seed=seed),
            DataGeneratingProcess.of(panel).parameters,
        )


@dataclass(frozen=True, eq=False)
class FittedOracle:
    """The data-generating process of one synthetic panel.

    Attributes:
        spec: What was fitted.
        record: What it was read from.
        parameters: All numbers of the process but for the taxonomy.
    """

    spec: Oracle
    record: FitRecord
    parameters: DgpParameters

    @property
    def metrics(self) -> dict[str, float]:
        """Empty: nothing is estimated."""
        return {}

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """The probabilities that occupations are drawn with.

        Args:
            panel: n records, open ones included.
            scoring: Not used: no titles are scored.
        """
        panel = self.record.over(panel)
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=self._process.log_prob(panel),
            raw_mass=np.ones(len(panel)),
            method="data-generating process",
            lineage=self.record.lineage,
        )

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """Log-probability of the observed occupations, (m,) nats.

        Args:
            panel: Records, m of them observed.
            scoring: Not used: no titles are scored.
        """
        panel = self.record.over(panel)
        return self._process.log_likelihood(panel.observed())

    def save(self, path: str | Path) -> None:
        """Write the run folder: the parameters of the process."""
        options = to_options(self.spec)
        with new_run(path, self.spec.name, options, self.record, self.metrics, parameters=self.parameters.to_json()):
            pass  # the parameters say everything

    @classmethod
    def load(cls, run: Run, spec: Oracle) -> Self:
        """Read the parameters of a run folder.

        Args:
            run: The run folder.
            spec: What was fitted.
        """
        return cls(spec, run.record, DgpParameters.from_json(run.extra["parameters"]))

    @cached_property
    def _process(self) -> DataGeneratingProcess:
        return DataGeneratingProcess(self.record.taxonomy, self.parameters)
