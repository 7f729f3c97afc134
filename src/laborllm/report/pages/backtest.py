"""How forecasts of the past came out: a page in one file, and lines for the terminal."""

from pathlib import Path

import polars as pl

from laborllm.privacy import SMALLEST_CELL
from laborllm.privacy.outputs import new_output
from laborllm.report import figures
from laborllm.report.numbers import count, number, share
from laborllm.report.page import Figure, KeyNumber, Page, Section, render_page
from laborllm.report.pages.outputs import outputs_of_backtest
from laborllm.report.table import Table, frame_table

LOG = "log score"
GROUPS = 8  # groups of occupations whose rates are drawn
NORMAL = 1.96


def write_backtest_page(
    path: Path, scores: pl.DataFrame, rates: pl.DataFrame, coverage: pl.DataFrame, *, dataset: str
) -> None:
    """Write a backtest as a self-contained page.

    Args:
        path: HTML file to write.
        scores: By model, horizon and metric; see `laborllm.Backtest`.
        rates: By model, origin, horizon, age and group.
        coverage: By model, horizon and level.
        dataset: What the panel is called.

    Raises:
        StorageError: The file cannot be written.
    """
    best, ahead = _best(scores), int(rates["horizon"].max())  # type: ignore[arg-type]
    with new_output(path, outputs_of_backtest(scores, rates, coverage)) as file:
        page = Page(
            title=f"Forecasts of the past: {dataset}",
            headline=_headline(scores, best),
            key_numbers=_key_numbers(scores, coverage, best),
            sections=[
                _by_horizon(scores),
                _paths(scores),
                _rates(rates.filter(pl.col("model") == best, pl.col("horizon") == ahead), best, ahead),
                _coverage(coverage),
            ],
            facts={"Origins": ", ".join(map(str, rates["origin"].unique().sort()))},
        )
        file.write_text(render_page(page, "page.html.j2"), encoding="utf-8")


def score_lines(scores: pl.DataFrame, coverage: pl.DataFrame) -> list[str]:
    """A line for each model: its log score at the first and the last horizon, in nats, and the counts in intervals."""
    table = scores.filter(pl.col("metric") == LOG)
    lines = []
    for part in table.partition_by("model", maintain_order=True):
        first, last = part.sort("horizon").row(0, named=True), part.sort("horizon").row(-1, named=True)
        said = [f"{number(row['estimate'])} at {_years(row['horizon'])}" for row in (first, last)]
        lines.append(f"{first['model']}: log score {', '.join(dict.fromkeys(said))}{_held(coverage, first['model'])}")
    return lines


def _held(coverage: pl.DataFrame, model: str) -> str:
    """How many counts of people lie in the intervals of a model, and what those hold."""
    inside = _in_intervals(coverage, model)
    if inside is None:
        return ""
    holds = coverage.filter(model=model)["holds"][0]
    return f"; {share(inside)} of counts of people in their 90 % intervals, which hold {holds}"


def _in_intervals(coverage: pl.DataFrame, model: str) -> float | None:
    """The share of counts in their 90 % intervals; None where no count is large enough."""
    held = coverage.filter(pl.col("model") == model, pl.col("level") == 0.9)
    cells = float(held["cells"].sum())
    return float((held["held"] * held["cells"]).sum()) / cells if cells else None


def _best(scores: pl.DataFrame) -> str:
    """The model with the lowest mean log score over horizons."""
    means = scores.filter(pl.col("metric") == LOG).group_by("model", maintain_order=True).agg(pl.col("estimate").mean())
    return str(means.sort("estimate", nulls_last=True, maintain_order=True)["model"][0])


def _headline(scores: pl.DataFrame, best: str) -> str:
    ours = scores.filter(pl.col("metric") == LOG, pl.col("model") == best).sort("horizon")
    first, last = ours.row(0, named=True), ours.row(-1, named=True)
    said = [f"{number(row['estimate'])} nats {_years(row['horizon'])} ahead" for row in (first, last)]
    return f"{best} is ahead: a log score of {' and of '.join(dict.fromkeys(said))}."


def _years(horizon: int) -> str:
    return "1 year" if horizon == 1 else f"{horizon} years"


def _key_numbers(scores: pl.DataFrame, coverage: pl.DataFrame, best: str) -> list[KeyNumber]:
    ours = scores.filter(pl.col("model") == best, pl.col("metric") == LOG)
    found = [KeyNumber(count(int(ours["records"].sum())), "records forecast")]
    inside = _in_intervals(coverage, best)
    if inside is not None:
        found.append(KeyNumber(share(inside), "of counts of people lie in their 90 % intervals"))
    return found


def _by_horizon(scores: pl.DataFrame) -> Section:
    frame = scores.filter(pl.col("metric") == LOG).with_columns(
        low=pl.col("estimate") - NORMAL * pl.col("standard_error"),
        high=pl.col("estimate") + NORMAL * pl.col("standard_error"),
    )
    table = frame_table("The numbers of this figure", frame.select("model", "horizon", "estimate", "low", "high"))
    caption = (
        "Negative log-probability of what happened, with 95 % intervals by worker. Where it is infinite, none is drawn."
    )
    chart, narrow = (figures.score_by_horizon(frame, narrow=narrow) for narrow in (False, True))
    words = "What each forecast knew, by how many years ahead it was made."
    others = tuple(_by_model(scores, metric) for metric in ("Brier score", "top-1", "top-5"))
    return Section("By years ahead", words, (Figure(chart, table, caption, narrow),), others)


def _by_model(scores: pl.DataFrame, metric: str) -> Table:
    """A row per model, a column per horizon."""
    part = scores.filter(pl.col("metric") == metric)
    ahead = part["horizon"].unique().sort().to_list()
    cells = {(row["model"], row["horizon"]): row["estimate"] for row in part.iter_rows(named=True)}
    rows = tuple(
        (model, *(number(cells.get((model, horizon))) for horizon in ahead))
        for model in part["model"].unique(maintain_order=True)
    )
    return Table(f"{metric}, by years ahead", ("model", *(str(horizon) for horizon in ahead)), rows)


def _paths(scores: pl.DataFrame) -> Section:
    part = scores.filter(pl.col("horizon").is_null())
    models = part["model"].unique(maintain_order=True).to_list()
    cells = {(row["model"], row["metric"]): row["estimate"] for row in part.iter_rows(named=True)}
    rows = tuple(
        (metric, *(number(cells.get((model, metric))) for model in models))
        for metric in part["metric"].unique(maintain_order=True)
    )
    words = (
        "Of workers seen in every survey year: how many records with a job and how many moves they have, and the path "
        "as a whole. Lower is better, but for coverage, which should be its level or, as counts are whole, a little "
        "more."
    )
    return Section("Whole paths", words, tables=(Table("Scores of paths", ("score", *models), rows),))


def _rates(rates: pl.DataFrame, model: str, ahead: int) -> Section:
    known = rates.drop_nulls("observed")
    summed = known.group_by("group", "age", maintain_order=True).agg(pl.col("people", "observed", "expected").sum())
    largest = (
        summed.group_by("group", maintain_order=True).agg(pl.col("observed").sum()).sort("observed", descending=True)
    )
    shown = largest["group"].head(GROUPS).to_list()
    frame = summed.filter(pl.col("group").is_in(shown)).select(
        "group", "age", modelled=pl.col("expected") / pl.col("people"), observed=pl.col("observed") / pl.col("people")
    )
    order = pl.col("group").replace_strict({name: at for at, name in enumerate(shown)})
    words = (
        f"Modelled by {model} against observed, {_years(ahead)} ahead, by the age at which the forecast was made. "
        f"Counts of fewer than {SMALLEST_CELL} people, or that would give such a count away, are withheld."
    )
    if frame.is_empty():
        return Section("Rates by age and group", words)
    chart, narrow = (figures.rates_by_age(frame.sort(order, "age"), narrow=narrow) for narrow in (False, True))
    caption = "Bars: the share observed. Dots: the share modelled."
    return Section(
        "Rates by age and group",
        words,
        (Figure(chart, frame_table("The numbers of this figure", frame), caption, narrow),),
    )


def _coverage(coverage: pl.DataFrame) -> Section:
    words = (
        "How many counts of people, by age and group of occupations, lie in their intervals. Those of draws hold "
        "chance in each path and nothing else. Less than the level means that they are too narrow for real groups."
    )
    return Section("Are intervals of counts right?", words, tables=(_covered(coverage),))


def _covered(coverage: pl.DataFrame) -> Table:
    levels = coverage["level"].unique().sort().to_list()
    rows = []
    for part in coverage.partition_by("model", maintain_order=True):
        cells = [part.filter(pl.col("level") == level) for level in levels]
        held = [float((cell["held"] * cell["cells"]).sum()) / max(float(cell["cells"].sum()), 1) for cell in cells]
        rows.append((str(part["model"][0]), part["holds"][0], count(int(cells[0]["cells"].sum())), *map(share, held)))
    header = ("model", "intervals hold", "counts", *(f"in {100 * level:g} %" for level in levels))
    return Table("Counts with at least five expected people", header, tuple(rows), words=(0, 1))
