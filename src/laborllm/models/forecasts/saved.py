"""A forecast made before, here or elsewhere, as something to evaluate alongside models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.runs.lineage import Lineage
from laborllm.panel import Panel


@dataclass(frozen=True)
class SavedForecast:
    """Gives back what was forecast for a record; it can forecast no other."""

    saved: Forecast

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of forecasts.

        Raises:
            InputError: It is none.
        """
        return cls(Forecast.load(path))

    @property
    def lineage(self) -> Lineage:
        """The splits behind the model that forecast."""
        return self.saved.lineage

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """Look up the rows of the panel's records.

        Args:
            panel: n records, each of which was forecast.
            scoring: Not used: the forecasts are made.

        Raises:
            InputError: A record was not forecast.
        """
        return self.saved.of(panel)

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """Look up the log-probability of the observed occupations, (m,) nats, before renormalisation.

        Args:
            panel: Records that were forecast, m of them observed.
            scoring: Not used: the forecasts are made.

        Raises:
            InputError: A record was not forecast.
        """
        return self.saved.of(panel).raw_log_likelihood
