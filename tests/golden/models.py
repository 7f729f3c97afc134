"""Every model with a small training budget, fitted through the library: the one place that follows its interface."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.contract import Forecaster, Spec
from laborllm.models.counts.specs import Transition
from laborllm.models.language.specs import EmbeddingLogit, LanguageModel, OffTheShelf, TitleHead
from laborllm.models.mixture.specs import Mixture
from laborllm.models.oracle import Oracle
from laborllm.models.sequence.specs import BagOfJobs, Career, Logit, Nemo
from laborllm.panel import Panel
from laborllm.text import Template
from laborllm.training.config import TrainingConfig

PLAN = TrainingConfig(epochs=2, batch_size=32, learning_rate=1e-2, validate_every=500)
RECIPE = TuningConfig(learning_rate=1e-3, validate_every=16)
HEAD = TuningConfig.preset("head", learning_rate=1e-3, epochs=4, validate_every=8)

COUNTS: dict[str, Callable[[], Spec]] = {
    "transition": Transition,
    "transition-plain": lambda: Transition("plain"),
    "transition-second-order": lambda: Transition("second-order"),
}

SEQUENCES: dict[str, Callable[[], Spec]] = {
    "logit": lambda: Logit(PLAN),
    "bag-of-jobs": lambda: BagOfJobs(PLAN, width=32),
    "nemo": lambda: Nemo(PLAN, width=32),
    "nemo-deep": lambda: Nemo(PLAN, layers=2, width=16),
    "career": lambda: Career(PLAN, layers=1, width=32),
    "career-deep": lambda: Career(replace(PLAN, decay="cosine", weight_decay=0.1), layers=2, width=32, dropout=0.1),
}

LANGUAGE: dict[str, Callable[[str, Path], Spec]] = {
    "career-titles": lambda base, _: Career(PLAN, width=32, titles=base),
    "off-the-shelf": lambda base, _: OffTheShelf(base),
    "off-the-shelf-in-context": lambda base, file: OffTheShelf(base, title_list=True, examples=1, panel_file=file),
    "language-model": lambda base, _: LanguageModel(base, training=RECIPE),
    "language-model-full": lambda base, _: LanguageModel(
        base, Template("numeric"), training=replace(RECIPE, method="full")
    ),
    "language-model-titles": lambda base, _: LanguageModel(base, training=replace(RECIPE, text_weight=0.0)),
    "language-model-closed": lambda base, _: LanguageModel(base, vocabulary="closed", training=RECIPE),
    "language-model-own-tokens": lambda base, _: LanguageModel(base, title_tokens="own", training=RECIPE),
    "title-head": lambda base, _: TitleHead(base, training=HEAD),
    "title-head-joint": lambda base, _: TitleHead(base, training=replace(HEAD, method="full", text_weight=1.0)),
    "title-head-no-history-features": lambda base, _: TitleHead(base, history_features=False, training=HEAD),
    "title-head-own-tokens": lambda base, _: TitleHead(base, title_tokens="own", training=HEAD),
    "embedding-logit": lambda base, _: EmbeddingLogit(base),
    "embedding-logit-mean": lambda base, _: EmbeddingLogit(base, pooling="mean", likelihood="two-stage"),
}


def fit_counts(name: str, panel: Panel) -> Forecaster:
    return COUNTS[name]().fit(panel, seed=0)


def fit_sequence(name: str, panel: Panel) -> Forecaster:
    return SEQUENCES[name]().fit(panel, seed=0)


def fit_language(name: str, panel: Panel, base: Path, panel_file: Path) -> Forecaster:
    """`base`: folder of a base model. `panel_file`: where `panel` is saved."""
    return LANGUAGE[name](str(base), panel_file).fit(panel, seed=0)


def fit_mixture(weights: str, panel: Panel, folder: Path) -> Forecaster:
    """A mixture of two models over codes, whose runs are written into `folder`."""
    for name, made in (("transition", COUNTS["transition-second-order"]), ("nemo", SEQUENCES["nemo"])):
        made().fit(panel, seed=0).save(folder / name)
    return Mixture(tuple(sorted(folder.iterdir())), weights=weights).fit(panel, seed=0)  # type: ignore[arg-type]


def fit_oracle(panel: Panel) -> Forecaster:
    return Oracle().fit(panel)
