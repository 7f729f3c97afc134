"""LABOR-LLM: a base model fine-tuned on career texts, titles scored exactly (arXiv 2406.17972)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Self

from laborllm.lm.base.in_shards import save_in_shards
from laborllm.lm.base.load import base_identity, load_base, require_base
from laborllm.lm.base.weights import MODEL, Adapter, load_weights, save_weights
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.kernels.attention import context_length
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.lm.tokens.closed_vocabulary import tokens_in_use
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tokens.store import TokenStore
from laborllm.lm.tuning.finetune import finetune
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.language.paths import LanguagePaths
from laborllm.models.language.title_forecaster import TitleForecaster
from laborllm.models.language.titles import encode, read_base, readable_parts
from laborllm.models.runs.base_lineage import read_lineage, write_lineage
from laborllm.models.runs.options import identity, to_options
from laborllm.models.runs.run_folder import FitRecord, Run, new_run
from laborllm.models.runs.seen import seen_values
from laborllm.panel import Panel
from laborllm.runtime import seeded
from laborllm.training.checkpoint import Checkpoints
from laborllm.training.curve import CurvePoint, best_point, read_curve, write_curve
from laborllm.training.parallel.processes import Processes
from laborllm.training.tensorboard import write_tensorboard

if TYPE_CHECKING:
    from laborllm.models.language.specs import LanguageModel

CURVE, TENSORBOARD, VOCABULARY = "curve.csv", "tensorboard", "vocabulary.json"


@dataclass(frozen=True, eq=False)
class FittedLanguageModel:
    """A fine-tuned language model.

    Attributes:
        spec: What was fitted.
        record: What it was fitted on.
        curve: The learning curve.
        adapter: The adapter; None if all weights were tuned, or the model was loaded.
        forecaster: Forecasts with the tuned weights.
        left_out: How many records truncation left out.
        checkpoints: The checkpoints of the training, which a run folder makes needless.
        in_shards: Where processes have written weights that none of them held, until the run folder takes them.
    """

    spec: "LanguageModel"
    record: FitRecord
    curve: list[CurvePoint]
    adapter: Adapter | None
    forecaster: TitleForecaster
    left_out: int = 0
    checkpoints: Checkpoints | None = None
    in_shards: Path | None = None

    @property
    def metrics(self) -> dict[str, float]:
        """Validation raw perplexity, and how many records truncation left out."""
        return {
            "validation raw perplexity": best_point(self.curve).valid_perplexity,
            "oldest records left out by truncation": self.left_out,
        }

    @property
    def text_model(self) -> TextModel:
        """The tuned base model, its encoder and its vocabulary."""
        return self.forecaster.model

    def widened(self) -> Self:
        """A model with these weights and the softmax over the base model's whole vocabulary: if it was closed, some
        probability then goes to tokens that no career holds."""
        whole = TextModel.on_best_device(self.text_model.base, self.text_model.encoder)
        spec = replace(self.spec, vocabulary="whole")
        return replace(self, spec=spec, forecaster=TitleForecaster(whole, self.record))

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
        """Write the run folder: the tuned weights, the learning curve and a hash of the base model; then remove
        checkpoints.
        """
        if not Processes().is_main:
            return
        identity_of_base = base_identity(self.spec.base)
        options = to_options(self.spec)
        with new_run(path, self.spec.name, options, self.record, self.metrics, base=identity_of_base) as folder:
            if self.in_shards is None:
                save_weights(folder, self.text_model.base, self.adapter)
            else:
                self.in_shards.rename(folder / MODEL)
            write_curve(folder / CURVE, self.curve)
            write_tensorboard(folder / TENSORBOARD, self.curve)
            if self.spec.vocabulary == "closed":
                (folder / VOCABULARY).write_text(json.dumps(self.text_model.vocabulary))
        if self.checkpoints is not None:
            self.checkpoints.remove()

    @classmethod
    def load(cls, run: Run, spec: "LanguageModel") -> Self:
        """Read the weights of a run folder onto the best device.

        Args:
            run: The run folder.
            spec: What was fitted.

        Raises:
            RunError: The base model has other weights now.
        """
        require_base(spec.base, run.extra["base"], run.path)
        base = load_weights(run.path, spec.base)
        encoder = CareerEncoder(base.tokenizer, spec.template, run.record.taxonomy)
        vocabulary = json.loads((run.path / VOCABULARY).read_text()) if spec.vocabulary == "closed" else None
        model = TextModel.on_best_device(base, encoder, vocabulary=vocabulary)
        return cls(spec, run.record, read_curve(run.path / CURVE), None, TitleForecaster(model, run.record))


@dataclass(frozen=True)
class Prepared:
    """The start of a fine-tuning.

    Attributes:
        model: A text model with the weights of the base model.
        training: Training careers as tokens.
        valid: Validation careers as tokens.
        record: What the model is fitted on.
        left_out: How many records truncation left out.
    """

    model: TextModel
    training: Sequence[EncodedCareer]
    valid: list[EncodedCareer]
    record: FitRecord
    left_out: int


def fit_language_model(spec: "LanguageModel", panel: Panel, *, seed: int, out: Path | None) -> FittedLanguageModel:
    """Fine-tune on split train, and take the weights with the lowest validation perplexity of titles.

    Args:
        spec: The options.
        panel: The careers.
        seed: Decides everything random.
        out: The run folder that will be written, next to which checkpoints are kept; None: none are.

    Returns:
        The fitted model.

    Raises:
        CapacityError: A career that does not fit into the context, or memory that does not hold a pass.
        InputError: A base model that is not here, or cannot be scored exactly.
    """
    in_shards = out is not None and is_tuned_in_shards(spec)
    ready = prepare(spec, panel, seed=seed, in_shards=in_shards)
    model = ready.model
    base, bfloat16 = base_identity(spec.base), model.decoder.autocast
    decides = identity(spec, spec.name, panel, base=base, bfloat16=bfloat16)
    checkpoints = None if out is None else Checkpoints.of_run(out, decides)
    curve, adapter = finetune(model, ready.training, ready.valid, spec.training, seed=seed, checkpoints=checkpoints)
    if out is not None and model.base.shards is not None:
        weights = save_in_shards(model.base, model.base.shards, out)
        forecaster = TitleForecaster(partial(_saved, out, weights, model.encoder), ready.record)
        return FittedLanguageModel(spec, ready.record, curve, None, forecaster, ready.left_out, checkpoints, weights)
    tuned = TextModel.on_best_device(model.base, model.encoder, vocabulary=model.vocabulary)
    forecaster = TitleForecaster(tuned, ready.record)
    return FittedLanguageModel(spec, ready.record, curve, adapter, forecaster, ready.left_out, checkpoints)


def is_tuned_in_shards(spec: "LanguageModel") -> bool:
    """Whether no process is to hold the whole model: not for what changes a model before it is trained, which is an
    adapter, tokens of its own for titles and a closed vocabulary."""
    plain = spec.training.method == "full" and spec.title_tokens == "spelled" and spec.vocabulary == "whole"
    return plain and spec.training.shard and Processes().count > 1


def _training_tokens(spec: "LanguageModel", encoder: CareerEncoder, training: Panel) -> Sequence[EncodedCareer]:
    """Careers as tokens, in memory or in the spec's folder; of several processes the first writes it."""
    if spec.token_store is None:
        return encode(encoder, training)
    processes = Processes()
    if processes.is_main:
        TokenStore.of(spec.token_store, encoder, training)
    processes.of_main(None)
    return TokenStore.of(spec.token_store, encoder, training)


def _saved(run: Path, weights: Path, encoder: CareerEncoder) -> TextModel:
    """The text model that processes have written in shards."""
    return TextModel.on_best_device(load_base(str(weights if weights.is_dir() else run / MODEL)), encoder)


def prepare(spec: "LanguageModel", panel: Panel, *, seed: int, in_shards: bool = False) -> Prepared:
    """Load the base model and encode all careers, as a fit does before it trains.

    Args:
        spec: The options.
        panel: The careers.
        seed: Decides everything random.
        in_shards: Read this process's shards of the base model only.

    Returns:
        The text model and its careers.

    Raises:
        CapacityError: A career that does not fit into the context.
        InputError: A base model that is not here, or cannot be scored exactly.
    """
    with seeded(seed):
        base, encoder = read_base(spec.base, spec.template, panel.taxonomy, spec.title_tokens, in_shards=in_shards)
    context, overflow = context_length(base.model), spec.training.overflow
    parts = readable_parts(panel, encoder, context, overflow, valid_careers=spec.valid_careers, seed=seed)
    training, valid = _training_tokens(spec, encoder, parts.training), encode(encoder, parts.valid)
    vocabulary = tokens_in_use(encoder, chain(training, valid)) if spec.vocabulary == "closed" else None
    model = TextModel.on_best_device(base, encoder, bfloat16=True, vocabulary=vocabulary)
    seen = seen_values(parts.training, spec.template.columns_left_out)
    ancestor = read_lineage(base.model.config, base.tokenizer, panel)
    record = FitRecord.on(panel, parts.training, seed=seed, ancestors=[ancestor], seen=seen)
    write_lineage(base.model.config, base.tokenizer, record.lineage)
    return Prepared(model, training, valid, record, parts.left_out)
