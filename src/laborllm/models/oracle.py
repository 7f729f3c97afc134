"""The truth: the law that synthetic careers were drawn from, as a model. No other can do better on them but by luck."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from laborllm.errors import RunError
from laborllm.models.contract import Floats, Forecast
from laborllm.models.run_folder import Trained, new_run, read_run, restored
from laborllm.panel import Panel
from laborllm.sources.synthetic import Market, TrueLaw


@dataclass
class Truth:
    """market: what the careers were drawn from; None for what the panel of the fit says that is."""

    name: ClassVar[str] = "truth"

    market: Market | None = None
    trained: Trained | None = None

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> Self:
        """Nothing is estimated. Raises `SourceError` for a panel that is not synthetic, unless a market was given."""
        self.market = self.market or TrueLaw.of(panel).market
        self.trained = Trained.on(panel, panel.subset("train").observed(), seed=seed)
        return self

    def forecast(self, panel: Panel) -> Forecast:
        self._require_fitted().require_same_taxonomy(panel)
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=self._law.log_prob(panel),
            raw_mass=np.ones(len(panel)),
            method="true law",
        )

    def log_likelihood(self, panel: Panel) -> Floats:
        self._require_fitted().require_same_taxonomy(panel)
        return self._law.log_likelihood(panel.observed())

    def save(self, path: Path) -> None:
        with new_run(path, self.name, {"market": self._law.market.to_json()}, self._require_fitted()):
            pass  # the market says everything

    @classmethod
    def load(cls, path: Path) -> Self:
        _, options, trained = read_run(path)
        return restored(cls, options | {"market": Market.from_json(options["market"]), "trained": trained}, path)

    @cached_property
    def _law(self) -> TrueLaw:
        return TrueLaw(self._require_fitted().taxonomy, self.market or Market())

    def _require_fitted(self) -> Trained:
        if self.trained is None:
            raise RunError("the truth does not know its panel yet: call fit, or load a run folder")
        return self.trained
