"""A fine-tuned base model with a head over the closed set of titles: all J probabilities of a career in one pass.

Where `language-model` reads the probability of a title from its tokens, here the hidden state at the end of a prompt is
set against a vector of each title, the base model's own reading of it; see `closed_set` for the head.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import normalize

from laborllm.errors import OptionError
from laborllm.lm.base.load import BaseModel, base_identity, require_base
from laborllm.lm.base.weights import Adapter, load_weights, save_weights
from laborllm.lm.embedding.title_vectors import title_vectors
from laborllm.lm.kernels.attention import context_length
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.lm.tokens.encoding import CareerEncoder, by_worker
from laborllm.lm.tuning.finetune import tune
from laborllm.models.contract import Fitted
from laborllm.models.counts.specs import Transition
from laborllm.models.forecast import Floats, Forecast
from laborllm.models.language.closed_set import ChoosingTitles, ClosedSet, Reading, ToldCareer, closed_set, told
from laborllm.models.language.specs import TitleHead
from laborllm.models.language.titles import encode, read_base, readable_parts
from laborllm.models.options import from_options, identity, to_options
from laborllm.models.registry import load, load_forecaster, state_of
from laborllm.models.run_folder import FitRecord, Run, new_run
from laborllm.panel import Panel
from laborllm.progress import progress
from laborllm.training.checkpoint import Checkpoints
from laborllm.training.curve import CurvePoint, best_point, read_curve, write_curve
from laborllm.training.processes import Processes
from laborllm.training.tensorboard import write_tensorboard

CURVE, TENSORBOARD, HEAD, OFFSET_MODEL = "curve.csv", "tensorboard", "head.safetensors", "offset-model"
SURVEYED = 64  # careers whose hidden states give their center and spread
SMALLEST = 1e-6  # spread of a dimension, so that one without any does not divide by zero


@dataclass(frozen=True, eq=False)
class FittedTitleHead:
    """A fine-tuned base model with a head over titles.

    Attributes:
        spec: What was fitted.
        record: What it was fitted on.
        curve: The learning curve.
        offset_model: The model whose forecasts are its offset.
        adapter: The adapter; None if all weights were tuned, or the model was loaded.
        base: The tuned base model.
        model: The tuned base model with its head.
        left_out: How many records truncation left out.
        checkpoints: The checkpoints of the training, which a run folder makes needless.
    """

    spec: TitleHead
    record: FitRecord
    curve: list[CurvePoint]
    offset_model: Fitted
    adapter: Adapter | None
    base: BaseModel
    model: ClosedSet
    left_out: int = 0
    checkpoints: Checkpoints | None = None

    @property
    def metrics(self) -> dict[str, float]:
        return {
            "validation perplexity": best_point(self.curve).valid_perplexity,
            "oldest records left out by truncation": self.left_out,
        }

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        log_prob = [reading.log_prob.cpu().numpy() for reading in self._read(panel)]
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=np.concatenate(log_prob),
            raw_mass=np.ones(len(panel)),
            method="closed set (float32)",
        )

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        return np.concatenate([reading.observed.double().cpu().numpy() for reading in self._read(panel.observed())])

    def save(self, path: Path) -> None:
        if not Processes().is_main:
            return
        base = base_identity(self.spec.base)
        with new_run(path, self.spec.name, to_options(self.spec), self.record, self.metrics, base=base) as folder:
            save_weights(folder, self.base, self.adapter)
            save_file(self.model.head.state_dict(), folder / HEAD)
            self.offset_model.save(folder / OFFSET_MODEL)
            write_curve(folder / CURVE, self.curve)
            write_tensorboard(folder / TENSORBOARD, self.curve)
        if self.checkpoints is not None:
            self.checkpoints.remove()

    @classmethod
    def load(cls, run: Run) -> Self:
        spec = from_options(TitleHead, run.options, run.path)
        require_base(spec.base, run.extra["base"], run.path)
        base = load_weights(run.path, spec.base, layers=spec.layers)
        encoder = CareerEncoder(base.tokenizer, spec.template, run.record.taxonomy)
        tuned = closed_set(base, encoder, dropout=spec.dropout, memories=spec.history_features)
        tuned.head.load_state_dict(load_file(run.path / HEAD))
        curve = read_curve(run.path / CURVE)
        return cls(spec, run.record, curve, load(run.path / OFFSET_MODEL), None, base, tuned)

    @torch.inference_mode()
    def _read(self, panel: Panel) -> Iterator[Reading]:
        self.record.require_same_taxonomy(panel)
        careers = told(encode(self.model.encoder, panel), panel, self.offset_model.forecast(panel))
        self.model.decoder.require_room(careers)
        with progress("read careers", len(panel), "records") as advance:
            for reading in self.model.read(careers):
                yield reading
                advance(len(reading.steps.observed))


def fit_title_head(spec: TitleHead, panel: Panel, *, seed: int, out: Path | None) -> FittedTitleHead:
    """Start at the forecasts of another model, and fine-tune on the careers of split train; the weights kept are those
    with the lowest perplexity on split valid."""
    torch.manual_seed(seed)
    offset_model = _offset_model(spec, panel, seed)
    base, encoder = read_base(spec.base, spec.template, panel.taxonomy, spec.title_tokens, layers=spec.layers)
    context, config = context_length(base.model), spec.training
    parts = readable_parts(panel, encoder, context, config.overflow, valid_careers=spec.valid_careers, seed=seed)
    train, watching = parts.training, parts.watching
    careers = told(encode(encoder, train), train, offset_model.forecast(train), _teacher_forecast(spec, panel, train))
    valid = told(encode(encoder, watching), watching, offset_model.forecast(watching))
    model = closed_set(base, encoder, dropout=spec.dropout, memories=spec.history_features, bfloat16=True)
    vectors = _unit_vectors(base, spec.template.title_texts(panel.taxonomy))
    model.head.begin(vectors, *_survey(model, careers))
    task = ChoosingTitles(
        training=by_worker(careers),
        pack_tokens=config.tokens_in_a_pass(model.decoder.device.type),
        model=model,
        valid=valid,
        text_weight=config.text_weight,
        teacher_weight=spec.teacher_weight or 0.0,
    )
    checkpoints = None if out is None else Checkpoints.beside(out, _identity(spec, panel, model))
    curve, adapter = tune(base, task, config, seed=seed, checkpoints=checkpoints)
    record = FitRecord.on(panel, parts.training, seed=seed)
    return FittedTitleHead(spec, record, curve, offset_model, adapter, base, model, parts.left_out, checkpoints)


def _identity(spec: TitleHead, panel: Panel, model: ClosedSet) -> dict[str, Any]:
    return identity(
        spec,
        spec.name,
        panel,
        base=base_identity(spec.base),
        offset_model=None if spec.offset_model is None else state_of(spec.offset_model),
        teacher=None if spec.teacher is None else state_of(spec.teacher),
        bfloat16=model.decoder.autocast,
    )


def _offset_model(spec: TitleHead, panel: Panel, seed: int) -> Fitted:
    if spec.offset_model is None:
        return Transition().fit(panel, seed=seed)
    if spec.template.last_records is not None:
        raise OptionError(
            "the offset model sees all earlier records", hint="leave out --offset-model or --last-records"
        )
    return load(spec.offset_model, held_out_by=panel)


def _teacher_forecast(spec: TitleHead, panel: Panel, train: Panel) -> Forecast | None:
    if spec.teacher is None:
        return None
    return load_forecaster(spec.teacher, held_out_by=panel).forecast(train)


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
