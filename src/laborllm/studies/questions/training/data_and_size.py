"""Question 4: more careers, or a larger model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import polars as pl

from laborllm.models.sequence.specs import Career
from laborllm.report.figures import scaling
from laborllm.report.numbers import count, number
from laborllm.report.table import Table
from laborllm.studies.protocol.question import Answer, Question, verdict
from laborllm.studies.protocol.runs import Fit, Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import Mixed, Share, Version
from laborllm.studies.questions.common import figure, perplexity, two_decimals

SHARES = (0.1, 0.25, 0.5, 1.0)
SMALL, LARGE = replace(Career(), width=64), replace(Career(), width=128, layers=4)
SIZES = {"small, width 64": SMALL, "large, width 128, 4 layers": LARGE}
RATES = np.linspace(0.05, 1.5, 59)  # at which perplexity may fall with the number of careers


def _versions(study: Study) -> list[Version]:
    """Shares of the own training careers, then all of them with those of the second panel."""
    own = [Version(study.first, (Share(share),)) for share in SHARES[:-1]] + [Version(study.first)]
    return [*own, *(Version(study.first, (Mixed(name, 1.0),)) for name in study.panels[1:2])]


def _scores(study: Study, size: str, version: Version) -> Scores:
    fit = Fit(f"career-{size.split(',')[0]}", SIZES[size], version, study.seed)
    return Scores(fit, Version(study.first), whole=False)


def _runs(study: Study) -> list[Scores]:
    return [_scores(study, size, version) for size in SIZES for version in _versions(study)]


def _answer(study: Study) -> Answer:
    versions = _versions(study)
    careers = [study.panel(version).subset("train").workers for version in versions]
    found = {size: [perplexity(study, _scores(study, size, version)) for version in versions] for size in SIZES}
    small, large = found.values()
    own = len(SHARES)  # versions without the second panel; the last of them has all own careers
    large_of_own = large[own - 1]
    reached = Curve.fit(careers[:own], small[:own]).careers_at(large_of_own)
    labels = [*(f"{share:.0%} of {study.first}" for share in SHARES), f"{study.first} and another panel"]
    rows = [
        (label, count(n), *map(two_decimals, values))
        for label, n, *values in zip(labels, careers, small, large, strict=False)
    ]
    table = Table(
        f"{study.first}: perplexity by training careers and size",
        ("learnt from", "careers", *SIZES),
        tuple(rows),
        f"The curve of the small model reaches the large one of all own careers at {_count(reached)} careers.",
    )
    shown = [
        {"model": size, "careers": n, "estimate": value}
        for size, values in found.items()
        for n, value in zip(careers, values, strict=True)
    ]
    drawn = figure(scaling, pl.DataFrame(shown), f"{study.first}: perplexity by how many careers were learnt from.")
    if len(versions) == own:
        return Answer(verdict(None, "The study has no second panel to add."), {"scaling": table}, {"scaling": drawn})
    both, one = two_decimals(small[-1]), two_decimals(large_of_own)
    why = f"The small model of both panels comes to {both}, the large one of one to {one}."
    return Answer(verdict(small[-1] < large_of_own, why), {"scaling": table}, {"scaling": drawn})


@dataclass(frozen=True)
class Curve:
    """How perplexity falls with the number of training careers n: its logarithm is floor + slope * n ** -rate, in nats.

    Attributes:
        floor: The logarithm that infinitely many careers come to.
        slope: How much lies above the floor at one career.
        rate: How fast the rest falls.
    """

    floor: float
    slope: float
    rate: float

    @classmethod
    def fit(cls, careers: Sequence[int], perplexities: Sequence[float]) -> Self:
        """The curve of least squares of log-perplexity, over the rates of `RATES`.

        Args:
            careers: Numbers of training careers, (k,).
            perplexities: The perplexity after each, (k,).
        """
        n, y = np.asarray(careers, dtype=np.float64), np.log(perplexities)
        fits = []
        for rate in RATES:
            design = np.stack([np.ones(len(n)), n**-rate], axis=1)
            floor, slope = np.linalg.lstsq(design, y, rcond=None)[0].tolist()
            fits.append((float(np.square(floor + slope * n**-rate - y).sum()), floor, slope, float(rate)))
        _, *best = min(fits)
        return cls(*best)

    def careers_at(self, perplexity: float) -> float:
        """How many careers bring the curve down to a perplexity; infinitely many if none do."""
        above = np.log(perplexity) - self.floor
        return float((above / self.slope) ** (-1 / self.rate)) if above > 0 and self.slope > 0 else float("inf")


def _count(careers: float) -> str:
    return number(careers) if np.isfinite(careers) else "no number of"


QUESTION = Question(
    number=4,
    name="data-and-size",
    title="More careers, or a larger model?",
    claim="A 7B model tuned on careers of all surveys is ahead of a 13B model tuned on one: more data beat more "
    "weights.",
    paper="8.082 against 8.140 (PSID81)",
    rule="Of two sizes of career: replicates if the small one with the careers of two panels has a lower perplexity "
    "than the large one with those of one.",
    runs=_runs,
    answer=_answer,
)
