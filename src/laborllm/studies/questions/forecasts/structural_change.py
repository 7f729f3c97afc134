"""Question 9: how fast a fitted model ages."""

from itertools import pairwise

import numpy as np
import polars as pl

from laborllm.evaluation.arrays import Bools
from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.report.figures import ratios
from laborllm.report.numbers import count
from laborllm.report.table import Table
from laborllm.studies.protocol.question import Answer, Question, all_above, verdict
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import Until, Version
from laborllm.studies.questions.common import Numbers, drawn_means, figure, losses, ratio_cell, ratio_row

MODEL = "career"
CUTS = (0.4, 0.6, 0.8)  # shares of the records before the last year that is learnt from
LATE = 5  # years after it, from which the verdict is taken
DISTANCES = (1, 3, LATE, 9)  # years after it at which a row of the table begins
RECESSIONS = (1970, 1974, 1975, 1980, 1981, 1982, 1990, 1991, 2001, 2008, 2009, 2020)
"""Years with six months or more of a recession, or its trough, as the NBER dates them."""


def _years(study: Study) -> list[int]:
    """The last years that are learnt from."""
    years = study.panel(study.first).subset("train").records["year"]
    return sorted({int(years.quantile(cut, "nearest") or 0) for cut in CUTS})


def _until(study: Study, year: int) -> Scores:
    return study.scores(MODEL, Version(study.first, (Until(year),)), of=study.first, whole=False)


def _runs(study: Study) -> list[Scores]:
    return [*(_until(study, year) for year in _years(study)), study.scores(MODEL, study.first, whole=False)]


def _answer(study: Study) -> Answer:
    years = _years(study)
    year = study.panel(study.first).subset("test").observed().records["year"].to_numpy()
    whole = losses(study, study.scores(MODEL, study.first, whole=False))
    worse = [losses(study, _until(study, until)) - whole for until in years]
    found: list[tuple[str, int | None, int, Bootstrapped | None]] = []
    for low, high in pairwise((*DISTANCES, 200)):
        parts = [(year - until >= low) & (year - until < high) for until in years]
        label = f"{low} or more" if high == 200 else f"{low} to {high - 1}"
        found.append((label, low, *_pooled(study, worse, parts)))
    for label, chosen in (("recession years", True), ("other years", False)):
        parts = [(year > until) & (np.isin(year, RECESSIONS) == chosen) for until in years]
        found.append((label, None, *_pooled(study, worse, parts)))
    rows = tuple((label, count(n), "" if ratio is None else ratio_cell(ratio)) for label, _, n, ratio in found)
    header = ("years after", "records", "ratio of perplexity")
    note = f"Models learnt from records up to {', '.join(map(str, years))}, over one learnt from all years."
    table = Table(f"{study.first}: {MODEL} on later years", header, rows, note)
    shown = pl.DataFrame([ratio_row(label, ratio) for label, _, _, ratio in found if ratio is not None])
    late = [ratio.exp() for _, low, _, ratio in found if low is not None and low >= LATE and ratio is not None]
    why = f"Five years and more after the last year learnt from: {', '.join(row[2] for row in rows[2:4] if row[2])}."
    drawn = figure(ratios, shown, "Perplexity over that of a model of all years, by years after.")
    holds = all_above([ratio.interval for ratio in late], 1)
    return Answer(verdict(holds, why), {"distance": table}, {"distance": drawn})


def _pooled(study: Study, worse: list[Numbers], parts: list[Bools]) -> tuple[int, Bootstrapped | None]:
    """The mean loss over the parts of all cuts together, on the draws of the test households."""
    chosen = np.stack(parts).astype(np.float64)
    total, weight = (chosen * np.stack(worse)).sum(axis=0), chosen.sum(axis=0)
    records = int(weight.sum())
    if not records:
        return records, None
    both = drawn_means(study, study.first, [total, weight])
    return records, both[0, 0] / both[1, 0]


QUESTION = Question(
    number=9,
    name="structural-change",
    title="How fast does a fitted model age?",
    claim="Performance can fall when the process that makes careers changes.",
    paper="no single figure",
    rule="Replicates if, five and more years after the last year that was learnt from, the 95 % interval of the ratio "
    "of perplexity to that of a model of all years lies above one, not if one lies below.",
    runs=_runs,
    answer=_answer,
)
