"""A base model as it comes: what it makes of careers without having seen one of the panel."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Self

from laborllm.errors import ModelError
from laborllm.lm.base import EMBEDDED, load_base
from laborllm.lm.encoding import CareerEncoder
from laborllm.lm.scoring import Scorer, title_scorer
from laborllm.lm.scoring_options import ScoringOptions
from laborllm.models.contract import Floats, Forecast
from laborllm.models.run_folder import Trained, new_run, read_run
from laborllm.models.titles import forecast_titles, realised_titles
from laborllm.panel import Panel
from laborllm.text import Template


@dataclass
class OffTheShelf:
    """base: `smollm2-135m`, a folder in Hugging Face layout or a hub name. titles: literal or numeric.
    scoring: how titles are scored, a matter of each forecast; it is not part of the fit."""

    name: ClassVar[str] = "off-the-shelf"

    base: str = EMBEDDED
    titles: Literal["literal", "numeric"] = "literal"
    scoring: ScoringOptions = field(default_factory=ScoringOptions)
    trained: Trained | None = None

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> Self:
        """Nothing is estimated: only the taxonomy of `panel` is kept."""
        self.trained = Trained.on(panel, panel, seed=seed)
        return self

    def forecast(self, panel: Panel) -> Forecast:
        self._require_fitted().require_same_taxonomy(panel)
        return forecast_titles(self._scorer, panel, self.scoring)

    def log_likelihood(self, panel: Panel) -> Floats:
        self._require_fitted().require_same_taxonomy(panel)
        return realised_titles(self._scorer, panel)

    def save(self, path: Path) -> None:
        options = {"base": self.base, "titles": self.titles}
        with new_run(path, self.name, options, self._require_fitted()):
            pass  # there are no weights of our own

    @classmethod
    def load(cls, path: Path) -> Self:
        _, options, trained = read_run(path)
        return cls(**options, trained=trained)

    @cached_property
    def _scorer(self) -> Scorer:
        base, taxonomy = load_base(self.base), self._require_fitted().taxonomy
        return title_scorer(base, CareerEncoder(base.tokenizer, Template(titles=self.titles), taxonomy))

    def _require_fitted(self) -> Trained:
        if self.trained is None:
            raise ModelError("the model does not know its taxonomy yet: call fit, or load a run folder")
        return self.trained
