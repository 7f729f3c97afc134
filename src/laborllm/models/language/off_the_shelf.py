"""A base model as it comes: what it makes of careers without having been tuned on one of the panel.

Its prompts may begin with the list of valid titles, and with whole careers of the training split (LABOR-LLM, sec. G.1).
"""

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from laborllm.errors import InputError, OptionError, PanelError, RunError
from laborllm.lm.base.load import EMBEDDED, load_base
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.lm.tokens.encoding import CareerEncoder
from laborllm.models.contract import Floats, Forecast
from laborllm.models.language.title_forecaster import TitleForecaster
from laborllm.models.run_folder import Trained, new_run, read_run, restored, stated
from laborllm.panel import Panel
from laborllm.text import CareerText, Template, preamble, render


@dataclass
class OffTheShelf:
    """base: what `load_base` can load. template: how careers are written. title_list: whether every prompt begins
    with all titles. examples: how many careers of the training split, drawn by the seed, come next. panel_file:
    where a run folder with examples finds them again, as it keeps no text of them. scoring: how titles are scored,
    a matter of each forecast; it is not part of the fit."""

    name: ClassVar[str] = "off-the-shelf"

    base: str = EMBEDDED
    template: Template = field(default_factory=Template)
    title_list: bool = False
    examples: int = 0
    panel_file: Path | None = None
    scoring: ScoringOptions = field(default_factory=ScoringOptions)
    trained: Trained | None = None
    shown: "Shown | None" = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.examples < 0:
            raise OptionError(f"examples cannot be fewer than none, not {self.examples}")

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> Self:
        """Nothing is estimated: the taxonomy of `panel` is kept, and which careers are examples.

        Raises `CapacityError` if the model cannot read what is shown and a career of split train at a time.
        """
        self.trained = Trained.on(panel, panel, seed=seed)
        if self.examples:
            self.shown = Shown.draw(panel.subset("train").observed(), self.examples, seed=seed)
        model = self._forecaster.model  # a base model that cannot be scored exactly is refused now
        if self.title_list or self.examples:
            longest = max(render(panel.subset("train").observed(), self.template), key=lambda career: len(career.text))
            model.require_room(list(model.encoder.encode([longest])))
        return self

    def text_model(self) -> TextModel:
        return self._forecaster.model

    def forecast(self, panel: Panel) -> Forecast:
        self._require_fitted().require_same_taxonomy(panel)
        return self._forecaster.forecast(panel, self.scoring)

    def log_likelihood(self, panel: Panel) -> Floats:
        self._require_fitted().require_same_taxonomy(panel)
        return self._forecaster.log_likelihood(panel, self.scoring)

    def save(self, path: Path) -> None:
        """Raises `InputError` for a model with examples whose `panel_file` is not known."""
        options = stated(self, "panel_file", "scoring", "trained", "shown")
        if self.shown is not None:
            if self.panel_file is None:
                raise InputError("a run folder keeps no text of its examples: say in panel_file where they are")
            options |= {"panel_file": os.path.relpath(self.panel_file, path), "shown": self.shown.to_dict()}
        with new_run(path, self.name, options, self._require_fitted()):
            pass  # there are no weights of our own

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises `RunError` if the panel file no longer holds the training split that examples were drawn from."""
        _, options, trained = read_run(path)
        shown = options.pop("shown", None)
        model = restored(cls, options, path)
        model.trained = trained
        if shown is None:
            return model
        file = (path / options["panel_file"]).resolve()
        training = Panel.load(file).subset("train").observed()
        if training.fingerprint != shown["fingerprint"]:
            raise RunError(f"{file} has other training careers than those that {path} shows examples of")
        model.panel_file, model.shown = file, Shown(training, shown["workers"])
        return model

    @cached_property
    def _forecaster(self) -> TitleForecaster:
        base, taxonomy = load_base(self.base), self._require_fitted().taxonomy
        listed = self.template.title_texts(taxonomy) if self.title_list else ()
        examples = [] if self.shown is None else self.shown.texts(self.template)
        encoder = CareerEncoder(base.tokenizer, self.template, taxonomy, preamble(listed, examples))
        return TitleForecaster(TextModel.on_best_device(base, encoder))

    def _require_fitted(self) -> Trained:
        if self.trained is None:
            raise RunError("the model does not know its taxonomy yet: call fit, or load a run folder")
        return self.trained


@dataclass(frozen=True)
class Shown:
    """Careers as examples. training: those of split train. workers: the places of the examples among its workers."""

    training: Panel
    workers: list[int]

    @classmethod
    def draw(cls, training: Panel, examples: int, *, seed: int) -> Self:
        if examples > training.workers:
            raise PanelError(f"cannot show {examples} examples: split train has {training.workers} careers")
        drawn = np.random.default_rng(seed).choice(training.workers, examples, replace=False)
        return cls(training, drawn.tolist())

    def texts(self, template: Template) -> list[str]:
        """The examples are whole careers, however many records the career after them is written in."""
        careers: list[CareerText] = list(render(self.training, replace(template, last_records=None)))
        return [careers[place].text for place in self.workers]

    def to_dict(self) -> dict[str, object]:
        """What says which careers they are, and nothing of them."""
        return {"workers": self.workers, "fingerprint": self.training.fingerprint}
