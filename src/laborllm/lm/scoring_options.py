"""How to score titles: a plain record of choices, so that the command line can show them without loading a model."""

from dataclasses import dataclass
from typing import Literal, get_args

from laborllm.errors import ModelError

Method = Literal["tree", "pruned", "naive"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True)
class ScoringOptions:
    """How to score titles; the command line makes an option of each attribute.

    Attributes:
        method: One pass per career and a tree of titles; the same without improbable branches; or one pass per title.
        tolerance: How far a forecast of `pruned` may be from the exact one, in total variation.
        memory: Gigabytes that title branches may take beyond the weights; those of one record are always run.
    """

    method: Method = "tree"
    tolerance: float = 1e-3
    memory: float = 1.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ModelError(f"unknown way of scoring {self.method!r}: use {', '.join(METHODS)}")
        if not 0 <= self.tolerance < 1:
            raise ModelError(f"tolerance is a total variation from 0 up to 1, not {self.tolerance}")
        if not self.memory > 0:
            raise ModelError(f"memory must be above zero, not {self.memory}")
