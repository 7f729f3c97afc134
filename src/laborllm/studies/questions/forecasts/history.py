"""Question 6: how much of a career a forecast needs."""

import numpy as np
import polars as pl

from laborllm.evaluation.bootstrap import Bootstrapped
from laborllm.panel.history import History
from laborllm.report.figures import ratios
from laborllm.report.numbers import MISSING, count
from laborllm.report.table import Table
from laborllm.studies.protocol.draws import WINDOW
from laborllm.studies.protocol.question import Answer, Question, all_above, verdict
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import Recent, Sampled, Version
from laborllm.studies.questions.common import (
    Numbers,
    drawn_means,
    figure,
    losses,
    ratio_cell,
    ratio_row,
    shown_cells,
    two_decimals,
)

LAST: tuple[Recent, ...] = (
    *(Recent(records) for records in (0, 1, 2, 3, 5, 10)),
    *(Recent(years, "years") for years in (2, 5, 10)),
)
MODEL = "career"
LONG = 10  # records before, from which a career counts as long
DECIDES = Recent(5)


def _tested(study: Study, panel: str) -> Version:
    """The test workers whose every record is forecast from parts of its past."""
    whole = Version(panel)
    return whole if study.size.windows is None else whole + Sampled(study.size.windows, split="test")


def _scores(study: Study, panel: str, recent: Recent | None) -> Scores:
    of = _tested(study, panel) if recent is None else _tested(study, panel) + recent
    return study.scores(MODEL, panel, of=of, whole=False)


def _runs(study: Study) -> list[Scores]:
    return [_scores(study, panel, recent) for panel in study.panels for recent in (None, *LAST)]


def last_of_windows(log_prob: pl.DataFrame) -> Numbers:
    """The log-probability of the record that each window is for, in the order of a panel, (n,)."""
    parts = pl.col("worker").str.splitn(WINDOW, 2)
    named = log_prob.with_columns(parts.struct[0].alias("_worker"), parts.struct[1].cast(pl.Int64).alias("_of"))
    found = named.filter(pl.col("year") == pl.col("_of")).sort("_worker", "year")
    return found["log_prob"].to_numpy().astype(np.float64)


def _answer(study: Study) -> Answer:
<<<<<<< HEAD
    tables, figures, decides = {}, {}, {}
    for name in study.panels:
        tested = _tested(study, name)
        whole = losses(study, _scores(study, name, None))
        seen = History.of(study.panel(tested).subset("test").observed()).position
        cells = np.stack([np.ones(len(seen), dtype=bool), seen < LONG, seen >= LONG], axis=1)
        parts = [last_of_windows(study.cache.log_prob(_scores(study, name, recent))) for recent in LAST]
        found = drawn_means(study, tested, [*(-part - whole for part in parts), whole], cells)
        decides[name] = found[LAST.index(DECIDES), 2]
        tables[name] = _table(name, found, len(seen))
        shown = [ratio_row(_label(recent), found[at, 0]) for at, recent in enumerate(LAST)]
        caption = f"{name}: perplexity over that from the whole career, with 95 % intervals."
        figures[name] = figure(ratios, pl.DataFrame(shown), caption)
    holds = all_above([ratio.exp().interval for ratio in decides.values()], 1)
    said = ", ".join(f"{ratio_cell(ratio)} on {name}" for name, ratio in decides.items())
    why = f"Perplexity of long careers from the last {DECIDES.last} records only, over that from all: {said}."
    return Answer(verdict(holds, why), tables, figures)


def _table(name: str, found: Bootstrapped, records: int) -> Table:
    rows = [
        (_label(recent), *(ratio_cell(found[at, cell]) for cell in range(3)))  # all, short, long
        for at, recent in enumerate(LAST)
    ]
    rows.append(("all of it", *(two_decimals(float(np.exp(found.estimate[-1, cell]))) for cell in range(3))))
    header = ("forecast from", "all records", f"fewer than {LONG} before", f"{LONG} or more before")
    note = f"Ratio of perplexity to that from the whole career; last row: that perplexity. {count(records)} records."
    return Table(f"{name}: {MODEL}, from parts of the career", header, tuple(rows), note)


def _label(recent: Recent) -> str:
    return f"last {recent.last} {recent.unit}"
=======
    tested = _tested(study)
    whole = losses(study, _scores(study, None))
    seen = History.of(study.panel(tested).subset("test").observed()).position
    lengths = {"fewer": seen < LONG, "more": seen >= LONG}
    cells = np.stack([np.ones(len(seen), dtype=bool), *lengths.values()], axis=1)
    shown = shown_cells(study.panel(tested).subset("test").observed().records["worker"], [lengths])
    named = (True, *(name in shown for name in lengths))
    worse = [-last_of_windows(study.cache.log_prob(_scores(study, recent))) - whole for recent in LAST]
    found = drawn_means(study, tested, [*worse, whole], cells)
    rows, drawn_rows = [], []
    for at, recent in enumerate(LAST):
        label = f"last {recent.last} {recent.unit}"
        rows.append((label, *_row([ratio_cell(found[at, cell]) for cell in range(3)], named)))
        drawn_rows.append(ratio_row(label, found[at, 0]))
    rows.append(("all of it", *_row([two_decimals(float(value)) for value in np.exp(found.estimate[-1])], named)))
    header = ("forecast from", "all records", f"fewer than {LONG} before", f"{LONG} or more before")
    note = f"Ratio of perplexity to that from the whole career; last row: that perplexity. {count(len(seen))} records."
    table = Table(f"{study.first}: {MODEL}, from parts of the career", header, tuple(rows), note)
    times = ratio_cell(found[LAST.index(DECIDES), 2])
    why = f"From the last {DECIDES.last} records only, the perplexity of long careers is {times} times that from all."
    holds = all_above([found[LAST.index(DECIDES), 2].exp().interval], 1)
    if not named[2]:
        holds, why = None, "Too few workers have long careers."
    caption = "Perplexity over that from the whole career, with 95 % intervals."
    drawn = figure(ratios, pl.DataFrame(drawn_rows), caption)
    return Answer(verdict(holds, why), {"windows": table}, {"windows": drawn})
>>>>>>> 286db36 (Withhold small cells in every question of a study, attack its tables, and list what is in the model that comes along)


def _row(cells: list[str], named: tuple[bool, ...]) -> list[str]:
    return [cell if is_named else MISSING for cell, is_named in zip(cells, named, strict=True)]


QUESTION = Question(
    number=6,
    name="history",
    title="How much of a career does a forecast need?",
    claim="Forecasts are worse with fewer than about ten years of history.",
    paper="worse under ten years",
    rule="Replicates if, for records with ten or more before them, the 95 % interval of the ratio of perplexity from "
    "the last five records to that from the whole career lies above one on every panel, not if one lies below.",
    runs=_runs,
    answer=_answer,
)
