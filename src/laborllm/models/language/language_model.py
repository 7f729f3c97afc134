"""LABOR-LLM: a base model fine-tuned on career texts, titles scored exactly (arXiv 2406.17972)."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, Self

from laborllm.errors import RunError
from laborllm.lm.base.load import EMBEDDED, base_identity, require_base
from laborllm.lm.base.weights import Adapter, load_weights, save_weights
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.kernels.attention import context_length
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.lm.tokens.closed_vocabulary import tokens_in_use
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tuning.finetune import finetune
from laborllm.lm.tuning.recipe import Recipe, TitleTokens
from laborllm.models.contract import Floats, Forecast
from laborllm.models.language.title_forecaster import TitleForecaster
from laborllm.models.language.titles import encode, read_base, readable_parts
from laborllm.models.run_folder import Trained, new_run, read_run, restored, stated, training_facts
from laborllm.panel import Panel
from laborllm.text import Template
from laborllm.training.checkpoint import Checkpoints, Facts
from laborllm.training.curve import CurvePoint, best_point, read_curve, write_curve
from laborllm.training.processes import Processes
from laborllm.training.tensorboard import write_tensorboard

CURVE, TENSORBOARD, VOCABULARY = "curve.csv", "tensorboard", "vocabulary.json"


@dataclass
class LanguageModel:
    """base: what `load_base` can load. template: how careers are written. title_tokens: whether titles are spelled
    with the tokens of the base model, or each is one token of its own. vocabulary: whether the softmax is over the
    whole vocabulary of the base model, or closed: over the tokens of the titles and of the careers of the fit.
    valid_careers: how many validation careers, drawn by the seed, watch the training. recipe: how to train.
    scoring: how titles are scored, a matter of each forecast; it is not part of the fit."""

    name: ClassVar[str] = "language-model"

    base: str = EMBEDDED
    template: Template = field(default_factory=Template)
    title_tokens: TitleTokens = "spelled"
    vocabulary: Literal["whole", "closed"] = "whole"
    valid_careers: int = 64
    scoring: ScoringOptions = field(default_factory=ScoringOptions)
    recipe: Recipe = field(default_factory=Recipe)
    fitted: "Fitted | None" = field(default=None, repr=False)

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> Self:
        """Fine-tune on split train; the weights kept are those with the lowest validation perplexity of titles.

        With `out`, checkpoints are kept beside it until the run folder is saved, and a fit that was interrupted goes on
        from the last.
        """
        ready = self.prepare(panel, seed=seed)
        model = ready.model
        checkpoints = None if out is None else Checkpoints.beside(out, self._facts(panel, model))
        curve, adapter = finetune(model, ready.training, ready.valid, self.recipe, seed=seed, checkpoints=checkpoints)
        tuned = TextModel.on_best_device(model.base, model.encoder, vocabulary=model.vocabulary)
        self.fitted = Fitted(ready.trained, curve, adapter, TitleForecaster(tuned), ready.left_out, checkpoints)
        return self

    def prepare(self, panel: Panel, *, seed: int) -> "Prepared":
        """Load the base model and write all careers as tokens. Raises on whatever cannot be trained on."""
        base, encoder = read_base(self.base, self.template, panel.taxonomy, self.title_tokens)
        context, long_careers = context_length(base.model), self.recipe.long_careers
        parts = readable_parts(panel, encoder, context, long_careers, valid_careers=self.valid_careers, seed=seed)
        training, watching = encode(encoder, parts.training), encode(encoder, parts.watching)
        kept = tokens_in_use(encoder, [*training, *watching]) if self.vocabulary == "closed" else None
        model = TextModel.on_best_device(base, encoder, bfloat16=True, vocabulary=kept)
        return Prepared(model, training, watching, Trained.on(panel, parts.training, seed=seed), parts.left_out)

    def widened(self) -> Self:
        """The same weights with the softmax over the base model's whole vocabulary: a model whose vocabulary was closed
        gives some of its probability to tokens that no career holds."""
        fitted = self._require_fitted()
        whole = TextModel.on_best_device(fitted.text_model.base, fitted.text_model.encoder)
        return replace(self, vocabulary="whole", fitted=replace(fitted, forecaster=TitleForecaster(whole)))

    def text_model(self) -> TextModel:
        return self._require_fitted().text_model

    def forecast(self, panel: Panel) -> Forecast:
        fitted = self._require_fitted()
        fitted.trained.require_same_taxonomy(panel)
        return fitted.forecaster.forecast(panel, self.scoring)

    def log_likelihood(self, panel: Panel) -> Floats:
        fitted = self._require_fitted()
        fitted.trained.require_same_taxonomy(panel)
        return fitted.forecaster.log_likelihood(panel, self.scoring)

    def save(self, path: Path) -> None:
        fitted = self._require_fitted()
        if not Processes().is_main:
            return
        options = stated(self, "scoring", "fitted") | {"base_identity": base_identity(self.base)}
        metrics = {
            "validation raw perplexity": best_point(fitted.curve).valid_perplexity,
            "oldest records left out of long careers": fitted.left_out,
        }
        with new_run(path, self.name, options, fitted.trained, metrics) as folder:
            save_weights(folder, fitted.text_model.base, fitted.adapter)
            write_curve(folder / CURVE, fitted.curve)
            write_tensorboard(folder / TENSORBOARD, fitted.curve)
            if fitted.text_model.vocabulary is not None:
                (folder / VOCABULARY).write_text(json.dumps(fitted.text_model.vocabulary))
        if fitted.checkpoints is not None:
            fitted.checkpoints.remove()

    @classmethod
    def load(cls, path: Path) -> Self:
        _, options, trained = read_run(path)
        require_base(options["base"], options.pop("base_identity"), path)
        model = restored(cls, options, path)
        base = load_weights(path, model.base)
        encoder = CareerEncoder(base.tokenizer, model.template, trained.taxonomy)
        kept = json.loads((path / VOCABULARY).read_text()) if model.vocabulary == "closed" else None
        forecaster = TitleForecaster(TextModel.on_best_device(base, encoder, vocabulary=kept))
        model.fitted = Fitted(trained, read_curve(path / CURVE), None, forecaster)
        return model

    def _facts(self, panel: Panel, model: TextModel) -> Facts:
        own = stated(self, "scoring", "fitted")
        base, bfloat16 = base_identity(self.base), model.decoder.autocast
        return training_facts(self.name, panel, own, base=base, bfloat16=bfloat16)

    def _require_fitted(self) -> "Fitted":
        if self.fitted is None:
            raise RunError("the language model is not fine-tuned: call fit, or load a run folder")
        return self.fitted


@dataclass(frozen=True)
class Prepared:
    """What fine-tuning begins with: a text model with the base model's weights, careers as tokens, the facts of the
    training split, and how many records long careers lost."""

    model: TextModel
    training: list[EncodedCareer]
    valid: list[EncodedCareer]
    trained: Trained
    left_out: int


@dataclass(frozen=True)
class Fitted:
    """What fine-tuning left: training facts, the learning curve, the adapter (None if all weights were tuned), the
    forecaster with the tuned weights, how many records long careers lost, and the checkpoints."""

    trained: Trained
    curve: list[CurvePoint]
    adapter: Adapter | None
    forecaster: TitleForecaster
    left_out: int = 0
    checkpoints: Checkpoints | None = None

    @property
    def text_model(self) -> TextModel:
        return self.forecaster.model
