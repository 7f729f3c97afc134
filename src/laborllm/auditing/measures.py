"""How well scores tell members from others, with an uncertainty that draws people."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]
Numbers = NDArray[np.float64]
Measure = Literal["auc", "tpr_at_1_percent", "tpr_at_0.1_percent", "members_among_1_percent"]

INTERVAL = (0.025, 0.975)
FALSE_POSITIVES = {"tpr_at_1_percent": 0.01, "tpr_at_0.1_percent": 0.001}
MOST_SUSPECTED = 0.01  # of the people


@dataclass(frozen=True)
class Scored:
    """Scores of n units.

    Attributes:
        score: The higher, the more a unit resembles a member, (n,).
        member: Whether it is one, (n,).
        person: Whose it is, as numbers 0, 1, ..., (n,).
    """

    score: Numbers
    member: Bools
    person: Indices


def measure(scored: Scored, *, draws: int, seed: int) -> pl.DataFrame:
    """Measures of an attack, with 95 % intervals of a bootstrap over people.

    Args:
        scored: Members and others.
        draws: How often people are drawn.
        seed: Of the draws.

    Returns:
        A row for each measure with measure, chance, estimate, low, high. `auc`: the area under the ROC curve.
        `tpr_at_1_percent`, `tpr_at_0.1_percent`: the largest share of members found while no more than this share of
        the others is. `members_among_1_percent`: the share of members among the one per cent with the highest scores.
        `chance` is what guessing comes to.
    """
    ordered = _Ordered.of(scored)
    everyone = np.ones((1, int(scored.person.max()) + 1))
    estimate = ordered.measures(everyone)
    drawn = [ordered.measures(chunk) for chunk in _drawn_people(everyone.shape[1], draws, seed)]
    chance = {"auc": 0.5, **FALSE_POSITIVES, "members_among_1_percent": float(scored.member.mean())}
    rows = []
    for name, guessing in chance.items():
        low, high = np.quantile(np.concatenate([part[name] for part in drawn]), INTERVAL)
        rows.append((name, guessing, float(estimate[name][0]), float(low), float(high)))
    return pl.DataFrame(rows, schema=["measure", "chance", "estimate", "low", "high"], orient="row")


@dataclass(frozen=True)
class _Ordered:
    """Units by falling score. end: where the ties of each unit end, (n,)."""

    member: Bools
    person: Indices
    end: Indices

    @classmethod
    def of(cls, scored: Scored) -> "_Ordered":
        order = np.argsort(-scored.score, kind="stable")
        score = scored.score[order]
        end = np.searchsorted(-score, -score, side="right") - 1
        return cls(scored.member[order], scored.person[order], end)

    def measures(self, weight: Numbers) -> dict[str, Numbers]:
        """Each measure where people count `weight` times, (d, people): (d,) by name."""
        counts = weight[:, self.person]
        inside, outside = (np.cumsum(counts * side, axis=1)[:, self.end] for side in (self.member, ~self.member))
        members, others = inside[:, -1:], outside[:, -1:]
        found = {name: _largest(inside / members, outside <= share * others) for name, share in FALSE_POSITIVES.items()}
        return {
            "auc": _area(inside / members, outside / others),
            **found,
            "members_among_1_percent": _among_first(inside, outside),
        }


def _area(true: Numbers, false: Numbers) -> Numbers:
    """The area under curves through (d, n) points, ties included once, by trapezoids."""
    start = np.zeros((len(true), 1))
    true, false = np.hstack([start, true]), np.hstack([start, false])
    return np.asarray(((true[:, 1:] + true[:, :-1]) / 2 * np.diff(false, axis=1)).sum(axis=1))


def _largest(values: Numbers, allowed: Bools) -> Numbers:
    return np.asarray(np.where(allowed, values, 0.0).max(axis=1))


def _among_first(inside: Numbers, outside: Numbers) -> Numbers:
    """The share of members among the most suspected, ties included, from how many of either come first, (d, n)."""
    total = inside + outside
    last = np.argmax(total >= MOST_SUSPECTED * total[:, -1:], axis=1)[:, None]
    return np.asarray(np.take_along_axis(inside, last, 1) / np.take_along_axis(total, last, 1))[:, 0]


def _drawn_people(people: int, draws: int, seed: int) -> Iterator[Numbers]:
    """How often each person is drawn, as many as there are with replacement, in chunks of (some draws, people)."""
    generator = np.random.default_rng(seed)
    rows = max(1, 200_000 // people)
    for start in range(0, draws, rows):
        yield generator.multinomial(people, np.full(people, 1 / people), size=min(rows, draws - start)).astype(float)
