"""Models of a recipe fitted on random halves of the workers: what tells a career learnt from a career never seen.

Refits come in pairs, and whom one is trained on the other leaves out, so every worker is in half of them. They are the
shadow models of LiRA (arXiv 2112.03570) and the reference models of RMIA (arXiv 2312.03262).
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import OptionError
from laborllm.models.contract import Spec
from laborllm.models.runs.options import to_options
from laborllm.panel import Panel
from laborllm.progress import progress
from laborllm.storage import make_folder, new_file, sole_writer

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
        cache: Folder in which what a refit says is kept under a hash of all that decides it, so that it is fitted once.

    Raises:
        OptionError: An odd number of refits, or fewer than four.
    """
    if refits < FEWEST or refits % 2:
        raise OptionError(
            f"refits come in pairs that leave out each other's workers: an even number, {FEWEST} or more, not {refits}"
        )
    make_folder(cache)
    observed = panel.observed()
    found, masks = [], []
    with progress("refit", refits, "models") as advance:
        for number, trained in enumerate(halves(observed, refits, seed=seed)):
            place = cache / f"{_identity(spec, observed, seed, number)}.npy"
            if not place.is_file():
                with sole_writer(place):
                    _fit(spec, observed, trained, place, seed=seed + number)
            found.append(np.load(place))
            masks.append(trained)
            advance(note=place.name)
    return Refits(np.stack(found), np.stack(masks))


def halves(panel: Panel, refits: int, *, seed: int) -> Iterator[Bools]:
    """Whose records each refit is trained on, (n,): one half of the workers of splits train and test, then the rest.
    What the split keeps whole, such as a household, is kept whole."""
    whole = panel.records.select(pl.coalesce(pl.col(panel.split_by).cast(pl.String), "worker")).to_series()
    is_drawn = panel.records["split"] != "valid"
    names = whole.filter(is_drawn).unique(maintain_order=True)
    for pair in range(refits // 2):
        chosen = names.sample(len(names) // 2, seed=int(np.random.SeedSequence([seed, pair]).generate_state(1)[0]))
        is_chosen = whole.is_in(chosen.implode())
        yield (is_chosen & is_drawn).to_numpy()
        yield (~is_chosen & is_drawn).to_numpy()


def _fit(spec: Spec, panel: Panel, trained: Bools, place: Path, *, seed: int) -> None:
    split = (
        pl.when(pl.col("split") == "valid")
        .then(pl.lit("valid"))
        .otherwise(pl.when(pl.Series(trained)).then(pl.lit("train")).otherwise(pl.lit("test")))
    )
    fitted = spec.fit(panel.part(panel.records.with_columns(split=split)), seed=seed)
    with new_file(place) as file, file.open("wb") as stream:
        np.save(stream, fitted.log_likelihood(panel).astype(np.float32))


def _identity(spec: Any, panel: Panel, seed: int, number: int) -> str:
    """A hash of all that decides a refit."""
    stated = json.dumps([spec.name, to_options(spec), panel.fingerprint, seed, number], sort_keys=True)
    return f"{spec.name}-{number:03d}-{hashlib.sha256(stated.encode()).hexdigest()[:16]}"
