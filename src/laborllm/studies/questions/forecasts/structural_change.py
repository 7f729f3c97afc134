"""Question 9: how fast a fitted model ages."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from laborllm.evaluation.arrays import Bools
from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.report.figures import ratios
from laborllm.report.numbers import MISSING, count
from laborllm.report.table import Table
from laborllm.studies.protocol.question import Answer, Question, all_above, verdict
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import Until, Version
from laborllm.studies.questions.common import Numbers, drawn_means, figure, losses, ratio_cell, ratio_row, shown_cells

MODEL = "career"
CUTS = (0.4, 0.6, 0.8)  # shares of the records before the last year that is learnt from
LATE = 5  # years after it, from which the verdict is taken
DISTANCES = (1, 3, LATE, 9)  # years after it at which a row of the table begins
RECESSIONS = (1970, 1974, 1975, 1980, 1981, 1982, 1990, 1991, 2001, 2008, 2009, 2020)
"""Years with six months or more of a recession, or its trough, as the NBER dates them."""


Cell = tuple[str, int | None, Bools]
"""The label of a row, the distance at which it begins, and its records for each cut, (cuts, n)."""


def _years(study: Study, panel: str) -> list[int]:
    """The last years that are learnt from."""
    years = study.panel(panel).subset("train").records["year"]
    return sorted({int(years.quantile(cut, "nearest") or 0) for cut in CUTS})


def _until(study: Study, panel: str, year: int) -> Scores:
    return study.scores(MODEL, Version(panel, (Until(year),)), of=panel, whole=False)


def _runs(study: Study) -> list[Scores]:
    until = [_until(study, panel, year) for panel in study.panels for year in _years(study, panel)]
    return [*until, *(study.scores(MODEL, panel, whole=False) for panel in study.panels)]


def _answer(study: Study) -> Answer:
    tables, figures, late = {}, {}, {}
    for name in study.panels:
        found = _found(study, name)
        rows = tuple((each.label, count(each.records), each.cell) for each in found)
        cuts = f"Models learnt from records up to {', '.join(map(str, _years(study, name)))}, over one of all years."
        note = f"{cuts} Without a number: of too few workers, or such a number would follow from it."
        header = ("years after", "records", "ratio of perplexity")
        tables[name] = Table(f"{name}: {MODEL} on later years", header, rows, note)
        shown = [ratio_row(each.label, each.ratio) for each in found if each.ratio is not None]
        caption = f"{name}: perplexity over that of a model of all years, by years after."
        if shown:
            figures[name] = figure(ratios, pl.DataFrame(shown), caption)
        late[name] = [each for each in found if each.is_late and each.ratio is not None]
    said = "; ".join(f"{', '.join(each.cell for each in found)} on {name}" for name, found in late.items())
    holds = all_above([each.ratio.exp().interval for found in late.values() for each in found if each.ratio], 1)
    why = f"Five years and more after the last year learnt from: {said}."
    return Answer(verdict(holds, why), tables, figures)


@dataclass(frozen=True)
class Aged:
    """Records that lie so many years after what was learnt, or in years of a kind.

    Attributes:
        label: Which they are.
        records: How many, over all cuts; None where they are withheld.
        ratio: Log ratio of perplexity to that of a model of all years; None where records are.
        is_late: Whether the verdict is taken from them.
    """

    label: str
    records: int | None
    ratio: Bootstrapped | None
    is_late: bool = False

    @property
    def cell(self) -> str:
        """The ratio with its interval."""
        return MISSING if self.ratio is None else ratio_cell(self.ratio)


def _found(study: Study, panel: str) -> list[Aged]:
    years = _years(study, panel)
    year = study.panel(panel).subset("test").observed().records["year"].to_numpy()
    whole = losses(study, study.scores(MODEL, panel, whole=False))
    worse = [losses(study, _until(study, panel, until)) - whole for until in years]
    cells, shown = _cells(year, years), _shown(study, panel, year, years)
    return [
        Aged(label, *_pooled(study, panel, worse, parts, shown=label in shown), low is not None and low >= LATE)
        for label, low, parts in cells
    ]


def _cells(year: Numbers, years: list[int]) -> list[Cell]:
    """The test records of each row, by the last year that was learnt from: by distance, then by recession."""
    cells: list[Cell] = []
    for low, high in pairwise((*DISTANCES, 200)):
        parts = np.stack([(year - until >= low) & (year - until < high) for until in years])
        cells.append((f"{low} or more" if high == 200 else f"{low} to {high - 1}", low, parts))
    for label, chosen in (("recession years", True), ("other years", False)):
        parts = np.stack([(year > until) & (np.isin(year, RECESSIONS) == chosen) for until in years])
        cells.append((label, None, parts))
    return cells


def _shown(study: Study, panel: str, year: Numbers, years: list[int]) -> set[str]:
    """The rows that may be shown: a record counts once for each model that has learnt from years before it only."""
    after = np.stack([year > until for until in years])  # (cuts, n)
    worker = study.panel(panel).subset("test").observed().records["worker"]
    cells = {label: parts[after] for label, _, parts in _cells(year, years)}
    *distances, recession, other = cells
    by_distance, by_recession = ({name: cells[name] for name in names} for names in (distances, (recession, other)))
    return {*shown_cells(pl.concat([worker] * len(years)).filter(after.ravel()), [by_distance, by_recession])}


def _pooled(
    study: Study, panel: str, worse: list[Numbers], parts: Bools, *, shown: bool
) -> tuple[int | None, Bootstrapped | None]:
    """The mean loss over the parts of all cuts together, on the draws of the test households; none where that is not
    shown."""
    if not shown:
        return None, None
    chosen = parts.astype(np.float64)
    both = drawn_means(study, panel, [(chosen * np.stack(worse)).sum(axis=0), chosen.sum(axis=0)])
    return int(chosen.sum()), both[0, 0] / both[1, 0]


QUESTION = Question(
    number=9,
    name="structural-change",
    title="How fast does a fitted model age?",
    claim="Performance can fall when the process that makes careers changes.",
    paper="no single figure",
    rule="Replicates if, five and more years after the last year that was learnt from, the 95 % interval of the ratio "
    "of perplexity to that of a model of all years lies above one on every panel, not if one lies below.",
    runs=_runs,
    answer=_answer,
)
