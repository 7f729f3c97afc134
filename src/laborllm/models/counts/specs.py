"""The spec of the transition model, which needs no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from laborllm.errors import OptionError
from laborllm.panel import Panel

if TYPE_CHECKING:
    from laborllm.models.counts.transition import FittedTransition

Variant = Literal["two-part", "plain", "second-order"]


@dataclass(frozen=True)
class Transition:
    """Transition frequencies, shrunk to what is common. Takes a second.

    Attributes:
        variant: Stay rates apart from moves, one smoothed table of transitions, or the last two occupations together.
        thinned: Count only what ten workers or more have done, so that the tables may be published; it forecasts worse.

    Raises:
        OptionError: An unknown variant.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> fitted = ll.Transition(variant="plain").fit(panel)
        >>> fitted.forecast(panel).method
        'transition frequencies'
    """

    name: ClassVar[str] = "transition"

    variant: Variant = "two-part"
    thinned: bool = False

    def __post_init__(self) -> None:
        if self.variant not in get_args(Variant):
            raise OptionError(f"unknown variant {self.variant!r}: use {', '.join(get_args(Variant))}")

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> "FittedTransition":
        """Count transitions on split train, and choose how much they are shrunk on split valid.

        Args:
            panel: The careers. Open records are left out.
            seed: Written into the record; nothing is random.
            out: Not used: a count keeps no checkpoints.

        Returns:
            The fitted model.

        Examples:
            >>> import laborllm as ll
            >>> ll.Transition("plain").fit(ll.import_synthetic(workers=50)).table.shape
            (334, 334)
        """
        from laborllm.models.counts.transition import fit_transition

        return fit_transition(self, panel, seed=seed)
