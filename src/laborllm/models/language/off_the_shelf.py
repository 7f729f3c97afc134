"""A base model as it comes: its forecasts without fine-tuning on the careers of the panel.

Its prompts may begin with the list of valid titles, and with whole careers of the training split (LABOR-LLM, sec. G.1).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from laborllm.errors import InputError, PanelError, RunError
from laborllm.lm.base.load import (
    base_identity,
    fetch_base,
    folder_of,
    load_base,
    load_config,
    load_tokenizer,
    require_base,
)
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.lm.tokens.encoding import CareerEncoder
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.language.paths import LanguagePaths
from laborllm.models.language.title_forecaster import TitleForecaster
from laborllm.models.runs.base_lineage import read_lineage
from laborllm.models.runs.options import kept_in, to_options
from laborllm.models.runs.run_folder import PARAMETERS, FitRecord, Run, new_run
from laborllm.panel import Panel
from laborllm.text import CareerText, Template, in_context_prefix, render

if TYPE_CHECKING:
    from laborllm.models.language.specs import OffTheShelf


@dataclass(frozen=True, eq=False)
class FittedOffTheShelf:
    """A base model as it comes, for the occupations of one panel.

    Attributes:
        spec: What was fitted.
        record: Whose occupations it forecasts.
        shown: The careers in its prompts, if there are any.
    """

    spec: "OffTheShelf"
    record: FitRecord
    shown: "Shown | None" = None

    @property
    def metrics(self) -> dict[str, float]:
        """Empty: nothing is estimated."""
        return {}

    @cached_property
    def forecaster(self) -> TitleForecaster:
        """Scores titles with the base model."""
        spec, taxonomy = self.spec, self.record.taxonomy
        base = load_base(spec.base)
        listed = spec.template.title_texts(taxonomy) if spec.title_list else ()
        examples = [] if self.shown is None else self.shown.texts(spec.template)
        encoder = CareerEncoder(base.tokenizer, spec.template, taxonomy, in_context_prefix(listed, examples))
        return TitleForecaster(TextModel.on_best_device(base, encoder), self.record)

    @property
    def text_model(self) -> TextModel:
        """The base model and its encoder."""
        return self.forecaster.model

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """Score the text of every title after the prompt of each record, and normalise over titles.

        Args:
            panel: n records, open ones included.
            scoring: How titles are scored; default: exactly.
        """
        return self.forecaster.forecast(panel, scoring=scoring)

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """Log-probability of the text of each observed title, (m,) nats, not normalised over titles.

        Args:
            panel: Records, m of them observed.
            scoring: How titles are scored; default: exactly.
        """
        return self.forecaster.log_likelihood(panel, scoring=scoring)

    def paths(self, panel: Panel, draws: int) -> LanguagePaths:
        """Paths that carry the keys and values of their texts along (see `models.paths`).

        Args:
            panel: Careers of W workers, whose last records are open.
            draws: D, paths of each worker.
        """
        return self.forecaster.paths(panel, draws)

    def save(self, path: str | Path) -> None:
        """Raises `InputError` for a model with examples whose `panel_file` is not known."""
        spec = self.spec
        extra: dict[str, object] = {"base": base_identity(spec.base)}
        if self.shown is not None:
            if spec.panel_file is None:
                raise InputError("a run folder keeps no text of its examples: say in panel_file where they are")
            spec = kept_in(Path(path), spec)
            extra |= self.shown.to_dict()
        with new_run(path, spec.name, to_options(spec), self.record, self.metrics, PARAMETERS, **extra):
            pass  # there are no weights of our own

    @classmethod
    def load(cls, run: Run, spec: "OffTheShelf") -> Self:
        """Raises `RunError` if the base model is another by now, or the panel file no longer holds the training split
        that examples were drawn from.

        Args:
            run: The run folder.
            spec: What was fitted.
        """
        require_base(spec.base, run.extra["base"], run.path)
        if not spec.examples or spec.panel_file is None:
            return cls(spec, run.record)
        file = (run.path / spec.panel_file).resolve()
        training = Panel.load(file).subset("train").observed()
        if training.fingerprint != run.extra["fingerprint"]:
            raise RunError(f"{file} has other training careers than those that {run.path} shows examples of")
        return cls(replace(spec, panel_file=file), run.record, Shown(training, run.extra["workers"]))


def fit_off_the_shelf(spec: "OffTheShelf", panel: Panel, *, seed: int) -> FittedOffTheShelf:
    """Keep the taxonomy of a panel, and which careers are examples; nothing is estimated.

    Args:
        spec: The options.
        panel: The careers.
        seed: Draws the examples.

    Returns:
        The model.

    Raises:
        PanelError: More examples than split train has careers.
        CapacityError: A career of split train does not fit into the context after what is shown.
        InputError: A base model that is not here, or cannot be scored exactly.
    """
    shown = None
    if spec.examples:
        shown = Shown.draw(panel.subset("train").observed(), spec.examples, seed=seed)
    fetch_base(spec.base)
    ancestor = read_lineage(load_config(spec.base), load_tokenizer(folder_of(spec.base)), panel)
    fitted = FittedOffTheShelf(spec, FitRecord.on(panel, panel, seed=seed, ancestors=[ancestor]), shown)
    model = fitted.text_model  # a base model that cannot be scored exactly is refused now
    if spec.title_list or spec.examples:
        longest = max(render(panel.subset("train").observed(), spec.template), key=lambda career: len(career.text))
        model.require_room(list(model.encoder.encode([longest])))
    return fitted


@dataclass(frozen=True)
class Shown:
    """Careers as examples.

    Attributes:
        training: Split train.
        workers: The places of the examples among its workers.
    """

    training: Panel
    workers: list[int]

    @classmethod
    def draw(cls, training: Panel, examples: int, *, seed: int) -> Self:
        """Draw examples from the careers of split train.

        Args:
            training: Split train.
            examples: How many careers.
            seed: Decides which.

        Returns:
            The careers and the places of the examples among them.

        Raises:
            PanelError: There are fewer careers.
        """
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
