"""What comes next: where every worker of a panel is in one year after her last record."""

from dataclasses import dataclass

from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.contract import Forecaster
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.taxonomies import as_long_as_read
from laborllm.panel import Panel


@dataclass(frozen=True)
class InYear:
    """A forecaster of one year, from the whole career of each worker.

    Attributes:
        forecaster: What forecasts.
        year: The year, after the last record of every career.
    """

    forecaster: Forecaster
    year: int

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """A row for each worker, with the covariates of her last record.

        Args:
            panel: The careers.
            scoring: How a language model scores titles; default: exactly.

        Raises:
            PanelError: The year is not after the last record of every career.
        """
        opened = as_long_as_read(self.forecaster, panel.open(years=[self.year]))
        return self.forecaster.forecast(opened, scoring=scoring).only_open()

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """The log-probability of each observed occupation as the forecaster has it.

        Args:
            panel: The careers, of m observed records.
            scoring: How a language model scores titles; default: exactly.

        Returns:
            (m,) nats.
        """
        return self.forecaster.log_likelihood(panel, scoring=scoring)
