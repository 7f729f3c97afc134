"""A fine-tuned base model with a head over the closed set of titles: all J probabilities of a career in one pass.

Where `language-model` reads the probability of a title from its tokens, here the hidden state at the end of a prompt is
set against a vector of each title, the base model's own reading of it; see `closed_set` for the head.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import normalize

from laborllm.errors import OptionError, RunError
from laborllm.lm.base.load import EMBEDDED, BaseModel, base_identity, require_base
from laborllm.lm.base.weights import Adapter, load_weights, save_weights
from laborllm.lm.embedding.title_vectors import title_vectors
from laborllm.lm.kernels.attention import context_length
from laborllm.lm.tokens.encoding import CareerEncoder, by_worker
from laborllm.lm.tuning.finetune import tune
from laborllm.lm.tuning.recipe import HeadRecipe, Recipe, TitleTokens
from laborllm.models.contract import Floats, Forecast, OccupationModel
from laborllm.models.counts.transition import Transition
from laborllm.models.language.closed_set import ChoosingTitles, ClosedSet, Reading, ToldCareer, closed_set, told
from laborllm.models.language.titles import encode, read_base, readable_parts
from laborllm.models.registry import load_forecaster, load_model, state_of
from laborllm.models.run_folder import Trained, new_run, read_run, restored, stated, training_facts
from laborllm.panel import Panel
from laborllm.progress import progress
from laborllm.text import Template
from laborllm.training.checkpoint import Checkpoints, Facts
from laborllm.training.curve import CurvePoint, best_point, read_curve, write_curve
from laborllm.training.processes import Processes
from laborllm.training.tensorboard import write_tensorboard

CURVE, TENSORBOARD, HEAD, BEGINNING = "curve.csv", "tensorboard", "head.safetensors", "beginning"
SURVEYED = 64  # careers whose hidden states give their center and spread
SMALLEST = 1e-6  # spread of a dimension, so that one without any does not divide by zero
TEACHER_WEIGHT = 0.5  # unless given


@dataclass
class TitleHead:
    """base: what `load_base` can load. template: how careers are written. title_tokens: whether the titles of a
    career are spelled with the tokens of the base model, or each is one token of its own. layers: read with the
    first so many layers of the base alone; all unless given. begin: run folder of the model that training begins
    with, any that was fitted on the same split, but not with `last_records`, which it would not heed; unless given,
    two-part transition frequencies. dropout: share of the elements of a hidden state that the head does not see in
    training. without_memories: whether it leaves out which titles were held before, and how recently, and knows it
    from the text alone. teacher: run folder of a model, or file of forecasts, whose forecasts of the training
    records are learnt too, any that was fitted on the same split. teacher_weight: share of the loss that they have,
    half unless given; the observed titles have the rest. valid_careers: how many validation careers, drawn by the
    seed, watch the training. recipe: how to train; its `text_weight` is that of next-token prediction beside the
    choice of titles."""

    name: ClassVar[str] = "title-head"

    base: str = EMBEDDED
    template: Template = field(default_factory=Template)
    title_tokens: TitleTokens = "spelled"
    layers: int | None = None
    begin: str | None = None
    dropout: float = 0.2
    without_memories: bool = False
    teacher: str | None = None
    teacher_weight: float | None = None
    valid_careers: int = 256
    recipe: Recipe = field(default_factory=HeadRecipe)
    fitted: "Fitted | None" = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.teacher_weight is None:
            self.teacher_weight = None if self.teacher is None else TEACHER_WEIGHT
        elif self.teacher is None:
            raise OptionError(
                "teacher-weight is the weight of a teacher, and there is none", hint="name one with --teacher"
            )
        elif not 0 <= self.teacher_weight <= 1:
            raise OptionError(f"teacher-weight is a share of the loss between 0 and 1, not {self.teacher_weight}")

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> Self:
        """Begin at the forecasts of another model, and fine-tune on the careers of split train; the weights kept are
        those with the lowest perplexity on split valid.

        With `out`, checkpoints are kept beside it until the run folder is saved, and a fit that was interrupted goes on
        from the last.
        """
        torch.manual_seed(seed)
        beginning = self._beginning(panel, seed)
        base, encoder = read_base(self.base, self.template, panel.taxonomy, self.title_tokens, layers=self.layers)
        context, long_careers = context_length(base.model), self.recipe.long_careers
        parts = readable_parts(panel, encoder, context, long_careers, valid_careers=self.valid_careers, seed=seed)
        train, watching = parts.training, parts.watching
        careers = told(encode(encoder, train), train, beginning.forecast(train), self._taught(panel, train))
        valid = told(encode(encoder, watching), watching, beginning.forecast(watching))
        model = closed_set(base, encoder, dropout=self.dropout, memories=not self.without_memories, bfloat16=True)
        vectors = _unit_vectors(base, self.template.title_texts(panel.taxonomy))
        model.head.begin(vectors, *_survey(model, careers))
        task = ChoosingTitles(
            training=by_worker(careers),
            pack_tokens=self.recipe.tokens_in_a_pass(model.decoder.device.type),
            model=model,
            valid=valid,
            text_weight=self.recipe.text_weight,
            teacher_weight=self.teacher_weight or 0.0,
        )
        checkpoints = None if out is None else Checkpoints.beside(out, self._facts(panel, model))
        curve, adapter = tune(base, task, self.recipe, seed=seed, checkpoints=checkpoints)
        trained = Trained.on(panel, parts.training, seed=seed)
        self.fitted = Fitted(trained, curve, beginning, adapter, base, model, parts.left_out, checkpoints)
        return self

    def forecast(self, panel: Panel) -> Forecast:
        log_prob = [reading.log_prob.cpu().numpy() for reading in self._read(panel)]
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=np.concatenate(log_prob),
            raw_mass=np.ones(len(panel)),
            method="closed set (float32)",
        )

    def log_likelihood(self, panel: Panel) -> Floats:
        return np.concatenate([reading.observed.double().cpu().numpy() for reading in self._read(panel.observed())])

    def save(self, path: Path) -> None:
        fitted = self._require_fitted()
        if not Processes().is_main:
            return
        options = stated(self, "fitted") | {"base_identity": base_identity(self.base)}
        metrics = {
            "validation perplexity": best_point(fitted.curve).valid_perplexity,
            "oldest records left out of long careers": fitted.left_out,
        }
        with new_run(path, self.name, options, fitted.trained, metrics) as folder:
            save_weights(folder, fitted.base, fitted.adapter)
            save_file(fitted.model.head.state_dict(), folder / HEAD)
            fitted.beginning.save(folder / BEGINNING)
            write_curve(folder / CURVE, fitted.curve)
            write_tensorboard(folder / TENSORBOARD, fitted.curve)
        if fitted.checkpoints is not None:
            fitted.checkpoints.remove()

    @classmethod
    def load(cls, path: Path) -> Self:
        _, options, trained = read_run(path)
        require_base(options["base"], options.pop("base_identity"), path)
        model = restored(cls, options, path)
        base = load_weights(path, model.base, layers=model.layers)
        encoder = CareerEncoder(base.tokenizer, model.template, trained.taxonomy)
        tuned = closed_set(base, encoder, dropout=model.dropout, memories=not model.without_memories)
        tuned.head.load_state_dict(load_file(path / HEAD))
        model.fitted = Fitted(trained, read_curve(path / CURVE), load_model(path / BEGINNING), None, base, tuned)
        return model

    @torch.inference_mode()
    def _read(self, panel: Panel) -> Iterator[Reading]:
        fitted = self._require_fitted()
        fitted.trained.require_same_taxonomy(panel)
        careers = told(encode(fitted.model.encoder, panel), panel, fitted.beginning.forecast(panel))
        fitted.model.decoder.require_room(careers)
        with progress("read careers", len(panel), "records") as advance:
            for reading in fitted.model.read(careers):
                yield reading
                advance(len(reading.steps.observed))

    def _facts(self, panel: Panel, model: ClosedSet) -> Facts:
        return training_facts(
            self.name,
            panel,
            stated(self, "fitted"),
            base=base_identity(self.base),
            begin=self.begin and state_of(Path(self.begin)),
            teacher=self.teacher and state_of(Path(self.teacher)),
            bfloat16=model.decoder.autocast,
        )

    def _beginning(self, panel: Panel, seed: int) -> OccupationModel:
        if self.begin is None:
            return Transition().fit(panel, seed=seed)
        if self.template.last_records is not None:
            raise OptionError(
                "the model to begin with sees all earlier records", hint="leave out --begin or --last-records"
            )
        return load_model(Path(self.begin), held_out_by=panel)

    def _taught(self, panel: Panel, train: Panel) -> Forecast | None:
        if self.teacher is None:
            return None
        return load_forecaster(Path(self.teacher), held_out_by=panel).forecast(train)

    def _require_fitted(self) -> "Fitted":
        if self.fitted is None:
            raise RunError("the title head is not fitted: call fit, or load a run folder")
        return self.fitted


@dataclass(frozen=True)
class Fitted:
    """What fine-tuning left: training facts, the learning curve, the model it began with, the adapter (None if all
    weights were tuned), the tuned base model, it with its head, how many records long careers lost, and the
    checkpoints."""

    trained: Trained
    curve: list[CurvePoint]
    beginning: OccupationModel
    adapter: Adapter | None
    base: BaseModel
    model: ClosedSet
    left_out: int = 0
    checkpoints: Checkpoints | None = None


def _unit_vectors(base: BaseModel, titles: Sequence[str]) -> Tensor:
    """What the base model makes of each title, apart from what it makes of all, at length one, (J, d)."""
    vectors = title_vectors(base, titles)
    return normalize(vectors - vectors.mean(dim=0), dim=1)


@torch.inference_mode()
def _survey(model: ClosedSet, careers: Sequence[ToldCareer]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, (d,) each, of the hidden states at the ends of the prompts of some careers."""
    readings = model.read(careers[:SURVEYED])
    states = torch.cat([reading.hidden[reading.steps.end].float() for reading in readings])
    return states.mean(dim=0), states.std(dim=0, correction=0).clamp(min=SMALLEST)
