"""Question 4: more careers, or a larger model."""

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

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

Numbers = NDArray[np.float64]


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
    labels = [*(f"{share:.0%} of {study.first}" for share in SHARES), f"{study.first} and another panel"]
    rows = [
        (labels[at], count(n), *(two_decimals(values[at]) for values in found.values())) for at, n in enumerate(careers)
    ]
    curves = {size: curve(careers[: len(SHARES)], values[: len(SHARES)]) for size, values in found.items()}
    more = crossing(curves[_name(0)], found[_name(1)][len(SHARES) - 1])
    note = f"The curve of the small model reaches the large one of all own careers at {_said(more)} careers."
    table = Table(
        f"{study.first}: perplexity by training careers and size", ("learnt from", "careers", *SIZES), tuple(rows), note
    )
    shown = [
        {"model": size, "careers": n, "estimate": value}
        for size, values in found.items()
        for n, value in zip(careers, values, strict=True)
    ]
    drawn = figure(scaling, pl.DataFrame(shown), f"{study.first}: perplexity by how many careers were learnt from.")
    if len(versions) == len(SHARES):
        return Answer(verdict(None, "The study has no second panel to add."), {"scaling": table}, {"scaling": drawn})
    small, large = found[_name(0)][-1], found[_name(1)][len(SHARES) - 1]
    why = (
        f"The small model of both panels comes to {two_decimals(small)}, the large one of one to {two_decimals(large)}."
    )
    return Answer(verdict(small < large, why), {"scaling": table}, {"scaling": drawn})


def _name(at: int) -> str:
    return list(SIZES)[at]


def curve(careers: list[int], perplexities: list[float]) -> tuple[float, float, float]:
    """Least squares of log-perplexity by a + b n^-c: (a, b, c)."""
    n, y = np.asarray(careers, dtype=np.float64), np.log(perplexities)
    fits = []
    for rate in RATES:
        design = np.stack([np.ones(len(n)), n**-rate], axis=1)
        coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
        fits.append((float(np.square(design @ coefficients - y).sum()), *map(float, coefficients), float(rate)))
    _, floor, slope, rate = min(fits)
    return floor, slope, rate


def crossing(fitted: tuple[float, float, float], perplexity: float) -> float:
    """How many careers bring a curve to a perplexity; infinitely many if none do."""
    floor, slope, rate = fitted
    above = np.log(perplexity) - floor
    return float((above / slope) ** (-1 / rate)) if above > 0 and slope > 0 else float("inf")


def _said(careers: float) -> str:
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
