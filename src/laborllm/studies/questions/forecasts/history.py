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
from laborllm.studies.protocol.versions import Recent, Version
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


def _scores(study: Study, panel: str, recent: Recent | None) -> Scores:
    of = Version(panel) if recent is None else Version(panel) + recent
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
    tables, figures, decides = {}, {}, {}
    for name in study.panels:
        whole = losses(study, _scores(study, name, None))
        test = study.panel(name).subset("test").observed()
        seen = History.of(test).position
        lengths = {"short": seen < LONG, "long": seen >= LONG}
        shown = shown_cells(test.records["worker"], [lengths])
        cells = np.stack([np.ones(len(seen), dtype=bool), *lengths.values()], axis=1)
        parts = [last_of_windows(study.cache.log_prob(_scores(study, name, recent))) for recent in LAST]
        found = drawn_means(study, name, [*(-part - whole for part in parts), whole], cells)
        if "long" in shown:
            decides[name] = found[LAST.index(DECIDES), 2]
        tables[name] = _table(name, found, len(seen), [0, *(at for at, key in enumerate(lengths, 1) if key in shown)])
        drawn = [ratio_row(_label(recent), found[at, 0]) for at, recent in enumerate(LAST)]
        caption = f"{name}: perplexity over that from the whole career, with 95 % intervals."
        figures[name] = figure(ratios, pl.DataFrame(drawn), caption)
    holds = all_above([ratio.exp().interval for ratio in decides.values()], 1)
    said = ", ".join(f"{ratio_cell(ratio)} on {name}" for name, ratio in decides.items())
    long = f"Perplexity of long careers from the last {DECIDES.last} records only, over that from all"
    why = f"{long}: {said or 'too few are long'}."
    return Answer(verdict(holds, why), tables, figures)


def _table(name: str, found: Bootstrapped, records: int, shown: list[int]) -> Table:
    """shown: the columns, of all, short and long careers, that have workers enough."""
    rows = [
        (_label(recent), *(ratio_cell(found[at, cell]) if cell in shown else MISSING for cell in range(3)))
        for at, recent in enumerate(LAST)
    ]
    whole = [two_decimals(float(value)) for value in np.exp(found.estimate[-1])]
    rows.append(("all of it", *(value if cell in shown else MISSING for cell, value in enumerate(whole))))
    header = ("forecast from", "all records", f"fewer than {LONG} before", f"{LONG} or more before")
    note = f"Ratio of perplexity to that from the whole career; last row: that perplexity. {count(records)} records."
    return Table(f"{name}: {MODEL}, from parts of the career", header, tuple(rows), note)


def _label(recent: Recent) -> str:
    return f"last {recent.last} {recent.unit}"


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
