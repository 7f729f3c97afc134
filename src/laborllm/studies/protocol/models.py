"""The models of a study by the names of its tables, and the spec of each."""

from pathlib import Path

from laborllm.errors import OptionError
from laborllm.models.contract import Spec
from laborllm.models.counts.specs import Transition
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
"""Of all models over codes of one seed, with constant weights and with weights that vary with the history."""

SEEDED = ("logit", "bag-of-jobs", "nemo", "career", *MIXTURES)
"""Models that another seed makes another model."""

REFERENCE = "two-part"
"""What all models are compared with."""


def spec_of(model: str, members: tuple[str, ...] = ()) -> Spec:
    """The spec of a model, of a mixture of `members`. Raises `OptionError` for an unknown model."""
    if model in MIXTURES:
        return Mixture(tuple(map(Path, members)), "constant" if model == "mixture" else "varying")
    if model not in SPECS:
        raise OptionError(f"unknown model {model!r}: use {', '.join((*SPECS, *MIXTURES))}")
    return SPECS[model]
