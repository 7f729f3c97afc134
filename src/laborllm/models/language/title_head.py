"""A fine-tuned base model with a head over the closed set of titles: all J probabilities of a career in one pass.

Where `language-model` scores the tokens of a title, here the score is the product of the projected hidden state at the
end of a prompt and the base model's embedding of the title; the formula is in `head.network`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

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
from laborllm.models.distillation import saved_forecast
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.language.head.classifier import HeadOutput, TitleClassifier
from laborllm.models.language.head.offset import OffsetCareer, with_offset
from laborllm.models.language.head.paths import HeadPaths
from laborllm.models.language.head.task import TitleChoice
from laborllm.models.language.titles import encode, read_base, readable_parts
from laborllm.models.registry import load, load_forecaster, state_of
from laborllm.models.rescored import start_paths
from laborllm.models.runs.base_lineage import read_lineage, write_lineage
from laborllm.models.runs.finite import require_finite
from laborllm.models.runs.options import identity, to_options
from laborllm.models.runs.run_folder import FitRecord, Run, new_run
from laborllm.models.runs.seen import seen_by_all, seen_values
from laborllm.models.taxonomies import lineage_of, require_taxonomy
from laborllm.panel import Panel
from laborllm.progress import progress
from laborllm.runtime import seeded
from laborllm.training.checkpoint import Checkpoints
from laborllm.training.curve import CurvePoint, best_point, read_curve, write_curve
from laborllm.training.parallel.processes import Processes
from laborllm.training.tensorboard import write_tensorboard

if TYPE_CHECKING:
    from laborllm.models.language.specs import TitleHead

CURVE, TENSORBOARD, HEAD, OFFSET_MODEL = "curve.csv", "tensorboard", "head.safetensors", "offset-model"
SAMPLED = 64  # careers whose hidden states give their center and spread
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
        classifier: The tuned base model with its head.
        left_out: How many records truncation left out.
        checkpoints: The checkpoints of the training, which a run folder makes needless.
        paths_at_once: Paths that a simulation draws at a time, as keys and values of as many texts are kept.
    """

    spec: "TitleHead"
    record: FitRecord
    curve: list[CurvePoint]
    offset_model: Fitted
    adapter: Adapter | None
    classifier: TitleClassifier
    left_out: int = 0
    checkpoints: Checkpoints | None = None
    paths_at_once: ClassVar[int] = 512

    @property
    def metrics(self) -> dict[str, float]:
        """Validation perplexity, and how many records truncation left out."""
        return {
            "validation perplexity": best_point(self.curve).valid_perplexity,
            "oldest records left out by truncation": self.left_out,
        }

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """Read each career once, and choose among the titles at the end of each prompt.

        Args:
            panel: n records, open ones included.
            scoring: Not used: no titles are scored.
        """
        panel = self.record.over(panel)
        log_prob = [output.log_prob.cpu().numpy() for output in self._forward(panel)]
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=np.concatenate(log_prob),
            raw_mass=np.ones(len(panel)),
            method="head over titles (float32)",
            lineage=self.record.lineage,
        )

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """Log-probability of the observed occupations, (m,) nats, normalised over titles.

        Args:
            panel: Records, m of them observed.
            scoring: Not used: no titles are scored.
        """
        return np.concatenate([output.observed.double().cpu().numpy() for output in self._forward(panel.observed())])

    def paths(self, panel: Panel, draws: int) -> HeadPaths:
        """Paths that carry keys and values of their texts, and the state of the offset model (see `models.paths`).

        Args:
            panel: Careers of W workers, whose last records are open.
            draws: D, paths of each worker.
        """
        panel = self.record.over(panel)
        return HeadPaths(self.classifier, panel, start_paths(self.offset_model, panel, draws), draws)

    def save(self, path: str | Path) -> None:
        """Write the run folder: the tuned weights, the head, the offset model and the learning curve; then remove
        checkpoints.
        """
        if not Processes().is_main:
            return
        base = base_identity(self.spec.base)
        with new_run(path, self.spec.name, to_options(self.spec), self.record, self.metrics, base=base) as folder:
            save_weights(folder, self.classifier.model.base, self.adapter)
            save_file(self.classifier.head.state_dict(), folder / HEAD)
            self.offset_model.save(folder / OFFSET_MODEL)
            write_curve(folder / CURVE, self.curve)
            write_tensorboard(folder / TENSORBOARD, self.curve)
        if self.checkpoints is not None:
            self.checkpoints.remove()

    @classmethod
    def load(cls, run: Run, spec: "TitleHead") -> Self:
        """Read the weights of a run folder onto the best device.

        Args:
            run: The run folder.
            spec: What was fitted.

        Raises:
            RunError: The base model has other weights now.
        """
        require_base(spec.base, run.extra["base"], run.path)
        base = load_weights(run.path, spec.base, layers=spec.layers)
        encoder = CareerEncoder(base.tokenizer, spec.template, run.record.taxonomy)
        tuned = TitleClassifier.on_best_device(
            base, encoder, dropout=spec.dropout, history_features=spec.history_features
        )
        head = load_file(run.path / HEAD)
        require_finite(run.path / HEAD, head, positive=["spread"])
        tuned.head.load_state_dict(head)
        curve = read_curve(run.path / CURVE)
        return cls(spec, run.record, curve, load(run.path / OFFSET_MODEL), None, tuned)

    @torch.inference_mode()
    def _forward(self, panel: Panel) -> Iterator[HeadOutput]:
        panel = self.record.over(panel)
        model = self.classifier.model
        careers = with_offset(encode(model.encoder, panel), panel, self.offset_model.forecast(panel))
        model.decoder.require_room(careers)
        with progress("read careers", len(panel), "records") as advance:
            for output in self.classifier.forward(careers):
                yield output
                advance(len(output.inputs.observed))


def fit_title_head(spec: "TitleHead", panel: Panel, *, seed: int, out: Path | None) -> FittedTitleHead:
    """Start at the forecasts of another model, and fine-tune on split train with early stopping on split valid.

    Args:
        spec: The options.
        panel: The careers.
        seed: Decides everything random.
        out: The run folder that will be written, next to which checkpoints are kept; None: none are.

    Returns:
        The fitted model.

    Raises:
        CapacityError: A career that does not fit into the context, or memory that does not hold a pass.
        RunError: An offset model or a teacher that was fitted on another split.
    """
    with seeded(seed):
        return _fit(spec, panel, seed=seed, out=out)


def _fit(spec: "TitleHead", panel: Panel, *, seed: int, out: Path | None) -> FittedTitleHead:
    offset_model = _offset_model(spec, panel, seed)
    base, encoder = read_base(spec.base, spec.template, panel.taxonomy, spec.title_tokens, layers=spec.layers)
    context, config = context_length(base.model), spec.training
    parts = readable_parts(panel, encoder, context, config.overflow, valid_careers=spec.valid_careers, seed=seed)
    train, teacher = parts.training, _teacher_forecast(spec, panel, parts.training)
    offset = offset_model if spec.offset_forecasts is None else saved_forecast(spec.offset_forecasts, panel)
    careers = with_offset(encode(encoder, train), train, offset.forecast(train), teacher)
    valid = with_offset(encode(encoder, parts.valid), parts.valid, offset_model.forecast(parts.valid))
    classifier = _untrained(spec, base, encoder, careers)
    task = TitleChoice(
        training=by_worker(careers),
        pack_tokens=config.tokens_in_a_pass(classifier.model.decoder.device.type),
        classifier=classifier,
        valid=valid,
        text_weight=config.text_weight,
        teacher_weight=spec.teacher_weight,
    )
    decides = _identity(spec, panel, bfloat16=classifier.model.decoder.autocast)
    checkpoints = None if out is None else Checkpoints.of_run(out, decides)
    curve, adapter = tune(base, task, config, seed=seed, checkpoints=checkpoints)
    of_base = read_lineage(base.model.config, base.tokenizer, panel)
    ancestors = [of_base, offset_model.record.lineage, lineage_of(offset)]
    ancestors += [] if teacher is None else [teacher.lineage]
    seen = seen_by_all([seen_values(train, spec.template.columns_left_out), offset_model.record.seen])
    record = FitRecord.on(panel, train, seed=seed, ancestors=ancestors, seen=seen)
    write_lineage(base.model.config, base.tokenizer, record.lineage)
    return FittedTitleHead(spec, record, curve, offset_model, adapter, classifier, parts.left_out, checkpoints)


def _untrained(
    spec: "TitleHead", base: BaseModel, encoder: CareerEncoder, careers: Sequence[OffsetCareer]
) -> TitleClassifier:
    """The classifier that training starts with: its forecasts are those of the offset model."""
    classifier = TitleClassifier.on_best_device(
        base, encoder, dropout=spec.dropout, history_features=spec.history_features, bfloat16=True
    )
    vectors = _unit_vectors(base, spec.template.title_texts(encoder.taxonomy))
    classifier.head.initialise(vectors, *_center_and_spread(classifier, careers))
    return classifier


def _identity(spec: "TitleHead", panel: Panel, *, bfloat16: bool) -> dict[str, Any]:
    return identity(
        spec,
        spec.name,
        panel,
        base=base_identity(spec.base),
        offset_model=None if spec.offset_model is None else state_of(spec.offset_model),
        offset_forecasts=None if spec.offset_forecasts is None else state_of(spec.offset_forecasts),
        teacher=None if spec.teacher is None else state_of(spec.teacher),
        bfloat16=bfloat16,
    )


def _offset_model(spec: "TitleHead", panel: Panel, seed: int) -> Fitted:
    if spec.offset_model is None:
        return Transition().fit(panel, seed=seed)
    if spec.template.last_records is not None:
        raise OptionError(
            "the offset model sees all earlier records", hint="leave out --offset-model or --last-records"
        )
    offset_model = load(spec.offset_model, held_out_by=panel)
    require_taxonomy(offset_model, panel)
    return offset_model


def _teacher_forecast(spec: "TitleHead", panel: Panel, train: Panel) -> Forecast | None:
    if spec.teacher is None:
        return None
    teacher = load_forecaster(spec.teacher, held_out_by=panel)
    require_taxonomy(teacher, panel)
    return teacher.forecast(train)


def _unit_vectors(base: BaseModel, titles: Sequence[str]) -> Tensor:
    """The base model's embedding of each title less their mean, at length one, (J, d)."""
    vectors = title_vectors(base, titles)
    return normalize(vectors - vectors.mean(dim=0), dim=1)


@torch.inference_mode()
def _center_and_spread(classifier: TitleClassifier, careers: Sequence[OffsetCareer]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, (d,) each, of the hidden states at the ends of the prompts of some careers."""
    outputs = classifier.forward(careers[:SAMPLED])
    states = torch.cat([output.hidden[output.inputs.prompt_end].float() for output in outputs])
    return states.mean(dim=0), states.std(dim=0, correction=0).clamp(min=SMALLEST)
