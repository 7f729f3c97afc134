"""Models of a recipe fitted on random halves of the workers: what tells a career learnt from a career never seen.

Refits come in pairs, and whom one is trained on the other leaves out, so every worker is in half of them. They are the
shadow models of LiRA (arXiv 2112.03570) and the reference models of RMIA (arXiv 2312.03262).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.auditing.recipe import make, recipe_of
from laborllm.errors import OptionError
from laborllm.models.contract import Spec
from laborllm.panel import Panel
from laborllm.panel.split import unit_of
from laborllm.progress import progress
from laborllm.storage import make_folder, sole_writer
from laborllm.studies.protocol.cache import RunCache
from laborllm.studies.protocol.panels import Panels
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.versions import Version

FEWEST = 4  # so that two at least are, and two are not, trained on a worker

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Refits:
    """What M refits say of the n observed records of a panel.

    Attributes:
        log_likelihood: Nats of each record, (M, n).
        trained: Whether a refit was trained on the worker of a record, (M, n).
    """

    log_likelihood: Floats
    trained: Bools


def refit(spec: Spec, panel: Panel, refits: int, *, seed: int = 0, cache: Path) -> Refits:
    """Fit a recipe on halves of the workers of splits train and test; split valid chooses as in any fit.

    Args:
        spec: The recipe.
        panel: The careers.
        refits: How many, an even number.
        seed: Draws the halves, and seeds the fits.
        cache: Folder of a run cache, which may belong to a study: a refit is fitted once.

    Raises:
        OptionError: An odd number of refits, or fewer than four; a mixture with a file of forecasts.
    """
    if refits < FEWEST or refits % 2:
        raise OptionError(
            f"refits come in pairs that leave out each other's workers: an even number, {FEWEST} or more, not {refits}"
        )
    make_folder(cache)
    observed = panel.observed()
    runs, whole = RunCache(cache, Panels.of(observed)), Version(observed.dataset)
    found, masks = [], []
    with progress("refit", refits, "models") as advance, sole_writer(cache):
        for number, trained in enumerate(halves(observed, refits, seed=seed)):
            fit = recipe_of(spec, whole + Half(number, seed), seed + number)
            scores = Scores(fit, whole, split="all", whole=False)
            make(runs, fit)
            runs.make(scores)
            found.append(runs.log_prob(scores)["log_prob"].to_numpy().astype(np.float32))
            masks.append(trained)
            advance(note=runs.place(fit).name)
    return Refits(np.stack(found), np.stack(masks))


@dataclass(frozen=True)
class Half:
    """The half of a panel that one refit is trained on as split train, and the other half as split test.

    Attributes:
        number: Of the refit.
        seed: Draws the halves.
    """

    number: int
    seed: int

    def apply(self, panel: Panel, panels: Callable[[str], Panel]) -> Panel:
        """Assign the splits; split valid stays.

        Args:
            panel: The careers.
            panels: Not used: no other panel takes part.

        Returns:
            The panel with its new splits.
        """
        trained = next(islice(halves(panel, self.number + 2, seed=self.seed), self.number, None))
        side = pl.when(pl.Series(trained)).then(pl.lit("train")).otherwise(pl.lit("test"))
        split = pl.when(pl.col("split") == "valid").then(pl.col("split")).otherwise(side).alias("split")
        return panel.part(panel.records.with_columns(split))


def halves(panel: Panel, refits: int, *, seed: int) -> Iterator[Bools]:
    """Whose records each refit is trained on: one half of the workers of splits train and test, then the rest.

    What the split keeps whole, such as a household, is kept whole.

    Args:
        panel: The careers, n records.
        refits: How many, two of each drawing.
        seed: Draws the halves.

    Yields:
        Whether each record is trained on, (n,).
    """
    whole = panel.records.select(unit_of(panel.split_by)).to_series()
    is_drawn = panel.records["split"] != "valid"
    names = whole.filter(is_drawn).unique(maintain_order=True)
    for pair in range(refits // 2):
        chosen = names.sample(len(names) // 2, seed=int(np.random.SeedSequence([seed, pair]).generate_state(1)[0]))
        is_chosen = whole.is_in(chosen.implode())
        yield (is_chosen & is_drawn).to_numpy()
        yield (~is_chosen & is_drawn).to_numpy()
