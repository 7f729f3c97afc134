"""A forecaster that always scores titles in one way, for callers that know nothing of titles."""

from dataclasses import dataclass

from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.contract import Forecaster
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.panel import Panel


@dataclass(frozen=True)
class WithScoring:
    """A forecaster with scoring options of its own.

    Attributes:
        forecaster: What forecasts.
        options: How it scores titles by default.
    """

    forecaster: Forecaster
    options: ScoringOptions

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """Forecast with `scoring`, or with the options of its own.

        Args:
            panel: n records, open ones included.
            scoring: How titles are scored; default: by the options that it was made with.
        """
        return self.forecaster.forecast(panel, scoring=scoring or self.options)

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """Log-likelihood with `scoring`, or with the options of its own.

        Args:
            panel: Records, m of them observed.
            scoring: How titles are scored; default: by the options that it was made with.
        """
        return self.forecaster.log_likelihood(panel, scoring=scoring or self.options)
