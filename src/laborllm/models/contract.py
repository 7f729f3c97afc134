"""What a model is: a spec, which is what one writes down, and what its fit gives, which forecasts."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.runs.run_folder import FitRecord
from laborllm.panel import Panel


class Forecaster(Protocol):
    """Forecasts each record of a panel from its own past."""

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """The distribution over occupations of every record, given the records before it.

        Args:
            panel: n records; an open one, whose occupation is not known yet, is forecast like any other.
            scoring: How a language model scores titles; models over codes have no use for it.

        Returns:
            The forecast, a row per record in the order of `panel`.

        Raises:
            PanelError: The panel has records of an occupation or a state that the taxonomy of the fit cannot express.
        """
        ...

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """The log-probability that the model itself gives each observed occupation; may be cheaper than `forecast`.

        For a language model that is the probability of the title's text, before any renormalisation (lm-eval's
        `loglikelihood`).

        Args:
            panel: Records, m of which are observed.
            scoring: How a language model scores titles; models over codes have no use for it.

        Returns:
            (m,) nats, in the order of the observed records.
        """
        ...


class Fitted(Forecaster, Protocol):
    """A fitted model: it never changes, and it pickles."""

    @property
    def spec(self) -> "Spec":
        """The spec that was fitted."""
        ...

    @property
    def record(self) -> FitRecord:
        """What it was fitted on."""
        ...

    @property
    def metrics(self) -> Mapping[str, float]:
        """What the fit came to, by name."""
        ...

    def save(self, path: str | Path) -> None:
        """Write the run folder `path`, which must not exist."""
        ...


@runtime_checkable
class HasVectors(Protocol):
    """A fitted model that knows each occupation by a vector."""

    def occupation_vectors(self) -> Floats:
        """The vector of each occupation, (J, d): occupations whose vectors point the same way are followed alike."""
        ...


class Spec(Protocol):
    """All that decides a model but the data and the seed: a frozen, hashable dataclass, which needs no torch.

    Its fields are the options of the command line and of configuration files, its docstring is their help.
    """

    name: ClassVar[str]

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> Fitted:
        """Estimate on split train, and choose on split valid.

        Args:
            panel: The careers. Open records are left out.
            seed: Decides everything random.
            out: Where the run folder will be saved: long training keeps its checkpoints in `out`.training, and resumes
                from the last if it was interrupted.
        """
        ...
