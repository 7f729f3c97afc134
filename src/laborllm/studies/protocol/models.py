"""The models of a study by the names of its tables, and the spec of each."""

from collections.abc import Collection
from pathlib import Path

from laborllm.errors import OptionError
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.contract import Spec
from laborllm.models.counts.specs import Transition
from laborllm.models.language.specs import TitleHead
from laborllm.models.mixture.specs import Mixture
from laborllm.models.sequence.specs import BagOfJobs, Career, Logit, Nemo

SPECS: dict[str, Spec] = {
    "plain": Transition("plain"),
    "two-part": Transition("two-part"),
    "second-order": Transition("second-order"),
    "logit": Logit(),
    "bag-of-jobs": BagOfJobs(),
    "nemo": Nemo(),
    "career": Career(),
}
"""Models over codes, the simplest first."""

MIXTURES = ("mixture", "mixture-varying")
"""Mixtures of all models over codes of one seed, with constant weights and with weights that vary with the history."""

HEAD, OFFSET = "title-head", "nemo"
"""A base model with a head over titles, which reads texts; and the model whose forecasts it starts at."""

SEEDED = ("logit", "bag-of-jobs", "nemo", "career", *MIXTURES, HEAD)
"""Models that another seed makes another model."""

FEW_LAYERS = 2  # of the base model, where a title head reads few careers

REFERENCE = "two-part"
"""What all models are compared with."""


def require_models(models: Collection[str]) -> None:
    """Raise `OptionError` for an unknown model, or without the reference or a network over codes."""
    unknown = [model for model in models if model not in (*SPECS, *MIXTURES, HEAD)]
    if unknown:
        raise OptionError(f"unknown model {unknown[0]!r}: use {', '.join((*SPECS, *MIXTURES, HEAD))}")
    networks = [model for model in SPECS if model in SEEDED]
    if models and (REFERENCE not in models or not set(networks) & set(models)):
        raise OptionError(f"a study compares {REFERENCE} with one or more of {', '.join(networks)}: name them")


def spec_of(model: str, members: tuple[str, ...] = ()) -> Spec:
    """The spec of a model over codes, of a mixture of `members`."""
    if model in MIXTURES:
        return Mixture(tuple(map(Path, members)), "constant" if model == "mixture" else "varying")
    return SPECS[model]


def head_of(base: str, careers: int | None) -> TitleHead:
    """The title head over a base model: its first layers where it reads few careers, all of them else."""
    if careers is None:
        return TitleHead(base)
    valid = max(1, careers // 8)
    training = TuningConfig.preset("head", validate_every=max(1, careers // 2))
    return TitleHead(base, layers=FEW_LAYERS, valid_careers=valid, training=training)
