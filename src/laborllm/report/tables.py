"""The tables of an evaluation, and one writer for terminal, HTML, CSV and LaTeX alike."""

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from laborllm.evaluation import Evaluation
from laborllm.report.numbers import INFINITE, MINUS, MISSING, count, interval, number, share, signed

KINDS = ("first", "stay", "move")

LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {MISSING: "--", INFINITE: r"$\infty$", MINUS: "$-$"}
)


@dataclass(frozen=True)
class Table:
    """Text in rows; the first column names the row, the others are numbers unless `words` lists their place."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    words: tuple[int, ...] = (0,)

    def to_html(self) -> str:
        """A table element with a caption; all text is escaped."""
        head = "".join(self._cell("th", text, at, ' scope="col"') for at, text in enumerate(self.header))
        body = "".join(f"<tr>{self._html_row(row)}</tr>" for row in self.rows)
        note = f" <small>{html.escape(self.note)}</small>" if self.note else ""
        caption = f"<caption>{html.escape(self.title)}{note}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def to_csv(self) -> str:
        """Header and rows, as shown."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.header, *self.rows])
        return text.getvalue()

    def to_latex(self) -> str:
        """A tabular for the package booktabs."""
        alignment = "".join("l" if at in self.words else "r" for at in range(len(self.header)))
        lines = [" & ".join(text.translate(LATEX) for text in row) + r" \\" for row in (self.header, *self.rows)]
        begin, end = rf"\begin{{tabular}}{{{alignment}}}", r"\end{tabular}"
        return "\n".join([begin, r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule", end, ""])

    def _html_row(self, row: Sequence[str]) -> str:
        name, *others = row
        cells = [self._cell("td", text, at) for at, text in enumerate(others, start=1)]
        return self._cell("th", name, 0, ' scope="row"') + "".join(cells)

    def _cell(self, element: str, text: str, at: int, attributes: str = "") -> str:
        words = ' class="words"' if at in self.words else ""
        return f"<{element}{attributes}{words}>{html.escape(text)}</{element}>"


def perplexity_table(evaluation: Evaluation) -> Table:
    """A row per model, lowest perplexity first."""
    header = ("model", "perplexity", "95 % interval", *KINDS, "raw", "raw mass", "greedy valid")
    rows = tuple(_perplexity_row(evaluation, model) for model in evaluation.ranking)
    return Table("Perplexity of the observed occupation; lower is better", header, rows, note=_exactness(evaluation))


def difference_table(evaluation: Evaluation) -> Table | None:
    """A row per model but the reference, on the same draws of workers. None where there is nothing to compare."""
    header = ("model", "difference", "95 % interval", "ratio", "95 % interval", "finding")
    compared = [model for model in evaluation.ranking if model in evaluation.differences["model"]]
    rows = tuple(_difference_row(evaluation, model) for model in compared)
    title = f"Perplexity against {evaluation.reference}"
    return Table(title, header, rows, words=(0, len(header) - 1)) if rows else None


def forecast_table(evaluation: Evaluation) -> Table | None:
    """How often the likeliest occupations are right, how well changes and states are ranked. None without forecasts."""
    outcomes = evaluation.auc["outcome"].unique(maintain_order=True).to_list()
    models = [model for model in evaluation.ranking if model in evaluation.accuracy["model"]]
    tops = evaluation.accuracy["top"].unique(maintain_order=True).to_list()
    header = ("model", *(f"top {top} right" for top in tops), *(f"AUC: {lower_first(each)}" for each in outcomes))
    rows = tuple(
        (model, *(_accuracy(evaluation, model, top) for top in tops), *(_area(evaluation, model, o) for o in outcomes))
        for model in models
    )
    return Table("Ranking of occupations, changes and states; higher is better", header, rows) if rows else None


def sample_table(evaluation: Evaluation) -> Table:
    """How many records and workers are behind the numbers."""
    rows = tuple((row["kind"], count(row["records"]), count(row["workers"])) for row in evaluation.sample.to_dicts())
    return Table("Records evaluated", ("kind", "records", "workers"), rows)


def about_table(evaluation: Evaluation) -> Table | None:
    """What each model is, where its maker said."""
    rows = tuple((model, evaluation.about[model]) for model in evaluation.ranking if evaluation.about.get(model))
    return Table("The models", ("model", "how it was made"), rows, words=(0, 1)) if rows else None


def frame_table(title: str, frame: pl.DataFrame) -> Table:
    """Any tidy frame, as it is: the numbers behind a figure."""
    shown = frame.select(name for name in frame.columns if frame[name].null_count() < frame.height)
    rows = tuple(tuple(_plain(value) for value in row) for row in shown.iter_rows())
    words = tuple(at for at, kind in enumerate(shown.dtypes) if kind == pl.String)
    return Table(title, tuple(name.replace("_", " ") for name in shown.columns), rows, words=words)


def finding(low: float | None, high: float | None, *, neutral: float = 0.0) -> str:
    """What an interval of a difference (or, with `neutral` one, a ratio) says in a word."""
    if low is None or high is None:
        return ""
    return "lower" if high < neutral else "higher" if low > neutral else "not told apart"


def row_of(frame: pl.DataFrame, **keys: object) -> dict[str, float | None]:
    """The numbers of the row with these keys; every number missing where there is no such row."""
    found = frame.filter(*[pl.col(name) == value for name, value in keys.items()])
    return found.row(0, named=True) if found.height else dict.fromkeys(frame.columns)


def lower_first(text: str) -> str:
    """A title as it reads within a line."""
    return text[:1].lower() + text[1:]


def _exactness(evaluation: Evaluation) -> str:
    """Which perplexities are bounded rather than exact, as improbable titles were left unresolved."""
    bounded = evaluation.validity.filter(pl.col("kind") == "all", pl.col("within") > 1).select("model", "within")
    parts = [f"{model} within a factor of {number(within, near_one=True)}" for model, within in bounded.iter_rows()]
    return f"Exact but for: {', '.join(parts)}." if parts else ""


def _perplexity_row(evaluation: Evaluation, model: str) -> tuple[str, ...]:
    measured = evaluation.perplexity.filter(pl.col("model") == model, pl.col("measure") == "normalised")
    overall = row_of(measured, kind="all")
    raw = row_of(evaluation.perplexity, model=model, measure="raw", kind="all")
    valid = row_of(evaluation.validity, model=model, kind="all")
    return (
        model,
        number(overall["estimate"]),
        interval(overall["low"], overall["high"]),
        *(number(row_of(measured, kind=kind)["estimate"]) for kind in KINDS),
        number(raw["estimate"]),
        share(valid["raw_mass"]),
        share(valid["greedy_valid"]),
    )


def _difference_row(evaluation: Evaluation, model: str) -> tuple[str, ...]:
    """The difference in normalised perplexity, or in raw perplexity where the model has no other."""
    own = evaluation.differences.filter(pl.col("model") == model)
    measure = "normalised" if "normalised" in own["measure"] else "raw"
    difference = row_of(own, measure=measure, comparison="difference", kind="all")
    ratio = row_of(own, measure=measure, comparison="ratio", kind="all")
    return (
        model if measure == "normalised" else f"{model} (raw)",
        signed(difference["estimate"]),
        interval(difference["low"], difference["high"]),
        number(ratio["estimate"], near_one=True),
        interval(ratio["low"], ratio["high"], near_one=True),
        finding(difference["low"], difference["high"]),
    )


def _accuracy(evaluation: Evaluation, model: str, top: int) -> str:
    row = row_of(evaluation.accuracy, model=model, top=top, kind="all")
    return share(row["estimate"])


def _area(evaluation: Evaluation, model: str, outcome: str) -> str:
    row = row_of(evaluation.auc, model=model, outcome=outcome)
    within = interval(row["low"], row["high"], near_one=True)
    return number(row["estimate"], near_one=True) + (f" ({within})" if within else "")


def _plain(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
