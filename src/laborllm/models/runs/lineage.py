"""Who a model cannot have been trained on: of every dataset behind it, the hash of the workers that were held out.

A model may know a dataset without being fitted on it: through the members of a pooled panel, the weights or forecasts
that it starts from, its teacher, or the members of a mixture. Each brings the splits that it knows along.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from laborllm.errors import RunError
from laborllm.panel import Panel
from laborllm.panel.files.store import Careers
from laborllm.panel.pooling import held_out_of

UNPUBLISHED = "not published"
"""What a model that is given away says in place of a hash of people."""


@dataclass(frozen=True)
class Lineage:
    """The splits that a model, or a forecast, was made under.

    Attributes:
        splits: Label of a dataset and hash of who is in its split test, for each split; sorted, each once.
    """

    splits: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, panel: Panel) -> Self:
        """The splits of a panel: of each of its members, if it is pooled."""
        return cls.from_pairs(held_out_of(panel).items())

    @classmethod
    def from_pairs(cls, pairs: Iterable[Iterable[str]]) -> Self:
        """What `splits` was written from, in any order. Raises `ValueError` or `TypeError` for anything else."""
        splits = {(str(dataset), str(held_out)) for dataset, held_out in pairs}
        return cls(tuple(sorted(splits)))

    def __or__(self, other: "Lineage") -> "Lineage":
        """The splits of both."""
        return self.from_pairs((*self.splits, *other.splits))

    def require_held_out_by(self, careers: Careers) -> None:
        """Raise `RunError` if a dataset of `careers` was split otherwise for what is behind this: it may know workers
        that are in split test here."""
        theirs = held_out_of(careers)
        for dataset, held_out in self.splits:
            if held_out == UNPUBLISHED and dataset in theirs:
                raise RunError(
                    f"the model was trained on workers of {dataset} and does not tell which, so that it could be given "
                    "away: workers in split test here may be among them, so evaluate it on people of another survey"
                )
            if theirs.get(dataset, held_out) != held_out:
                raise RunError(
                    f"the model, or one that it was made from, was fitted on another split of {dataset}, so it may "
                    "have been trained on workers that are in split test here: evaluate on the panel of the fit, or on "
                    "this one split as it was",
                    hint="import it with the same --seed",
                )
