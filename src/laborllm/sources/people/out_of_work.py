"""People who lost their jobs: careers that end with years out of work."""

import polars as pl

from laborllm.errors import SourceError
from laborllm.panel import Panel
from laborllm.sources.formats.values import cut
from laborllm.sources.people.columns import OUT, of_persons, row_of
from laborllm.sources.resumes.dates import DateOrder, read_date

OUT_OF_WORK = "unemployed"


def out_of_work(frame: pl.DataFrame | None, panel: Panel, since: int | None, order: DateOrder | None) -> pl.DataFrame:
    """Worker and `since`, the year in which each lost the job; of all of them, or as the list says.

    Args:
        frame: What the list says of each person; None: nothing.
        panel: The careers.
        since: The year in which all of them lost the job; None: as the list says.
        order: What comes first in a date such as 03/04/2014.
    """
    if since is not None:
        return panel.records.select(pl.col("worker").unique(maintain_order=True), since=pl.lit(since))
    written = of_persons(frame, OUT)
    periods = [read_date(text, order) for text in written[OUT]]
    if None in periods and frame is not None:
        worker, text = written.row(periods.index(None))
        where = f"the person of row {row_of(frame, worker):,}"
        raise SourceError(f"{OUT} is to be a year or a date, and is not for {where}", cells=repr(cut(text)))
    years = pl.Series("since", [period.first.year for period in periods if period], pl.Int32)
    return written.select("worker").with_columns(years)


def until_out(panel: Panel, out: pl.DataFrame, end: int) -> Panel:
    """Careers in which those who lost their job are unemployed from that year to `end`.

    Args:
        panel: The careers.
        out: Worker and `since`, the year in which each lost the job.
        end: The year in which the list was true.
    """
    late = out.filter(pl.col("since") > end)
    if not late.is_empty():
        raise SourceError(
            f"{late.height:,} people lost a job after the list was true ({end}): say as of when it is",
            cells=str(late["since"][0]),
        )
    records = panel.records.join(out, on="worker", how="left", maintain_order="left")
    before = records.filter(pl.col("since").is_null() | (pl.col("year") < pl.col("since")))
    last = before.filter(pl.col("since").is_not_null()).group_by("worker", maintain_order=True).last()
    known = out.join(records.select("worker").unique(), on="worker", how="semi")
    if len(last) < len(known):
        raise SourceError(f"{len(known) - len(last):,} people lost a job before their first one: check {OUT}")
    years = pl.int_ranges(pl.col("since"), end + 1, dtype=pl.Int16)
    without = last.with_columns(years.alias("year"), occupation=pl.lit(OUT_OF_WORK)).explode("year")
    return panel.with_records(pl.concat([before, without.select(before.columns)]).drop("since"))
