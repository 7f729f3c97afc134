"""A forecast made before, here or elsewhere, as something to evaluate beside models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from laborllm.models.contract import Floats, Forecast
from laborllm.panel import Panel


@dataclass(frozen=True)
class SavedForecast:
    """Gives back what was forecast for a record; it can forecast no other."""

    saved: Forecast

    @classmethod
    def load(cls, path: Path) -> Self:
        return cls(Forecast.load(path))

    def forecast(self, panel: Panel) -> Forecast:
        return self.saved.of(panel)

    def log_likelihood(self, panel: Panel) -> Floats:
        return self.saved.of(panel).raw_log_likelihood
