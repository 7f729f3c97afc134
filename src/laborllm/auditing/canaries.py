"""Canaries: invented careers, half of them trained on, from which follows how private a recipe is at most.

Whether each is trained on is drawn by a fair coin, so guessing the most and the least likely right bounds the epsilon
of differential privacy from below, with one fit (Steinke et al., arXiv 2305.08846). Exposure says how high an inserted
canary ranks among those that were not (Carlini et al., arXiv 1802.08232). A fit with canaries measures a recipe: it is
not saved.
"""

from dataclasses import dataclass, replace
from math import comb, log, log2

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.auditing.recipe import make, recipe_of
from laborllm.errors import OptionError
from laborllm.models.contract import Fitted, Spec
from laborllm.panel import Panel, over
from laborllm.panel.schema import conform
from laborllm.sources.synthetic import DRAWN_STATES, import_synthetic
from laborllm.storage import temporary_folder
from laborllm.studies.protocol.cache import RunCache
from laborllm.studies.protocol.panels import Panels
from laborllm.studies.protocol.versions import Version

Numbers = NDArray[np.float64]
Bools = NDArray[np.bool_]

FEWEST = 20
GUESSED = 0.25  # of all canaries, on either side
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Canaries:
    """What a fit tells of the canaries in it.

    Attributes:
        inserted: How many were trained on.
        others: How many were not.
        exposure: Mean exposure of the inserted ones in bits; 1.44 where nothing is remembered and they are many.
        most: The largest exposure that could be seen: the binary logarithm of one more than the others.
        guesses: How many canaries are guessed: those most and those least likely.
        right: How many guesses are right.
        epsilon: Lower bound on epsilon, with 95 % confidence.
    """

    inserted: int
    others: int
    exposure: float
    most: float
    guesses: int
    right: int
    epsilon: float


def plant_canaries(spec: Spec, panel: Panel, canaries: int = 200, *, seed: int = 0) -> Canaries:
    """Fit a recipe once on the panel with invented careers, half of them trained on, and guess which.

    Args:
        spec: The recipe.
        panel: The careers.
        canaries: How many careers are invented.
        seed: Of the careers, the coins and the fit.

    Raises:
        OptionError: Fewer than twenty canaries; a mixture with a file of forecasts.
        PanelError: A panel that has no state for those who do not work, or are in education.
    """
    if canaries < FEWEST:
        raise OptionError(f"{canaries} canaries say nothing: plant {FEWEST} or more")
    every = panel.taxonomy.without_states.with_states(DRAWN_STATES)
    invented = over(import_synthetic(canaries, every, seed=seed), panel.taxonomy)
    names = invented.records["worker"].unique(maintain_order=True)
    inserted = np.random.default_rng(seed).random(len(names)) < 0.5
    coins = pl.DataFrame({"worker": names, "split": np.where(inserted, "train", "test")})
    planted = invented.records.drop("split").join(coins, on="worker", maintain_order="left")
    planted = planted.with_columns(pl.concat_str(pl.lit("canary:"), "worker").alias("worker"), weight=None)
    whole = pl.concat([panel.observed().records, conform(planted)], how="diagonal")
    fitted = _fitted(spec, replace(panel, records=whole, split_by="worker"), seed)
    said = pl.Series(fitted.log_likelihood(replace(panel, records=planted, split_by="worker")).astype(np.float64))
    score = conform(planted).sort("worker", "year").with_columns(said=said).group_by("worker", maintain_order=True)
    each = score.agg(pl.col("said").mean(), pl.col("split").first())
    return measure_canaries(each["said"].to_numpy(), (each["split"] == "train").to_numpy())


def _fitted(spec: Spec, panel: Panel, seed: int) -> Fitted:
    """The recipe fitted, and what it names; nothing of it stays."""
    with temporary_folder() as folder:
        runs, fit = RunCache(folder, Panels.of(panel)), recipe_of(spec, Version(panel.dataset), seed)
        make(runs, fit)
        return runs.model(fit)


def measure_canaries(score: Numbers, inserted: Bools) -> Canaries:
    """What scores tell of who was inserted.

    Args:
        score: Mean log-likelihood of each canary, (n,).
        inserted: Whether it was trained on, (n,).
    """
    others = np.sort(score[~inserted])
    rank = len(others) - np.searchsorted(others, score[inserted], side="left") + 1
    guesses = round(GUESSED * len(score))
    order = np.argsort(score, kind="stable")
    right = int(inserted[order[-guesses:]].sum() + (~inserted[order[:guesses]]).sum())
    return Canaries(
        inserted=int(inserted.sum()),
        others=len(others),
        exposure=float(np.mean(log2(len(others) + 1) - np.log2(rank))),
        most=log2(len(others) + 1),
        guesses=2 * guesses,
        right=right,
        epsilon=epsilon_of(right, 2 * guesses),
    )


def epsilon_of(right: int, guesses: int) -> float:
    """The least epsilon under which this many right guesses are not too improbable.

    With pure differential privacy of epsilon each guess is right with a chance of at most e^epsilon / (1 + e^epsilon),
    so the bound is the log-odds of the lower end of a Clopper-Pearson interval; at least zero.
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_least(right, guesses, middle) < 1 - CONFIDENCE else (low, middle)
    return max(0.0, log(low / (1 - low))) if low > 0 else 0.0


def _at_least(right: int, guesses: int, chance: float) -> float:
    """The probability of this many successes, or more."""
    return sum(comb(guesses, k) * chance**k * (1 - chance) ** (guesses - k) for k in range(right, guesses + 1))
