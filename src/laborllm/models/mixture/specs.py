"""The spec of a mixture, which needs no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from laborllm.errors import OptionError
from laborllm.panel import Panel

if TYPE_CHECKING:
    from laborllm.models.mixture.mixture import FittedMixture

KindOfWeights = Literal["constant", "varying"]


@dataclass(frozen=True)
class Mixture:
    """A weighted mean of the forecasts of fitted models. Takes as long as its members need to score split valid.

    The members stay where they are: the run folder remembers them, and is refused once one has changed.

    Attributes:
        members: Run folders, and files of forecasts, which take part for the records that they have.
        weights: The same weights for all records, or weights that vary with the history of a record.
        tempered: Flatten or sharpen the mixture by one number, a temperature, also chosen on split valid, for which
            members forecast all of it; with one member, that model at a temperature.

    Raises:
        OptionError: No members, a member named twice, or an unknown kind of weights.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> for variant in ("plain", "two-part"):
        ...     ll.Transition(variant).fit(panel).save(Path(variant))
        >>> mixed = ll.Mixture(("plain", "two-part")).fit(panel)
        >>> len(mixed.members)
        2
    """

    name: ClassVar[str] = "mixture"

    members: tuple[Path, ...]
    weights: KindOfWeights = "constant"
    tempered: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", tuple(map(Path, self.members)))
        if not self.members:
            raise OptionError("a mixture needs at least one member: a run folder or a file of forecasts")
        if len({member.resolve() for member in self.members}) < len(self.members):
            raise OptionError("a member of the mixture is named twice")
        if self.weights not in get_args(KindOfWeights):
            raise OptionError(f"unknown kind of weights {self.weights!r}: use constant or varying")

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> "FittedMixture":
        """Choose the weights under which the records of split valid are most likely.

        Args:
            panel: The careers; split valid is used.
            seed: Draws the folds that choose the penalty of varying weights.
            out: Not used: nothing is trained.

        Returns:
            The fitted mixture.

        Raises:
            RunError: A member that may have been trained on workers who are held out.
            PanelError: A member over another taxonomy.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=100)
            >>> for name in ("plain", "second-order"):
            ...     _ = ll.fit("transition", panel, variant=name, out=f"runs/{name}")
            >>> mixture = ll.Mixture((Path("runs/plain"), Path("runs/second-order"))).fit(panel)
            >>> round(float(mixture.weights.weights.sum()), 6)
            1.0
        """
        from laborllm.models.mixture.fitting import fit_mixture

        return fit_mixture(self, panel, seed=seed)
