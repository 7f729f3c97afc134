"""What is in a panel, in numbers: the first thing to look at after an import."""

from dataclasses import dataclass, replace
from statistics import mean, median

import numpy as np
import polars as pl

from laborllm.panel.order import worker_index
from laborllm.panel.panel import Panel, Provenance
from laborllm.panel.schema import COVARIATES, SPLITS
from laborllm.privacy import SMALLEST_CELL, withhold, withhold_counts

MOST_FREQUENT = 10
SHOWN: dict[str, pl.DataType] = {"covariate": pl.String(), "known": pl.Float64(), "values": pl.List(pl.String)}
QUOTING = {"codes not in taxonomy", "dates unreadable", "ends in the future", "titles uncoded"} | {
    f"{name} {what}" for name in COVARIATES for what in ("read", "not read", "in words of its own")
}
"""Notes for whoever imports: they quote cells of the source, which may be of one person."""


@dataclass(frozen=True)
class Summary:
    """The size and make-up of a panel; what fewer than ten workers share is not in it, or None.

    Attributes:
        records: Records with an occupation; all counts, but of workers and splits, are of these.
        open_records: Records without an occupation yet.
        first_year, last_year: Of the years in which at least ten workers have a record; None if there is none.
        records_per_worker: Mean and median.
        stay_rate: Share of records, first ones aside, with the occupation of the record before; None if no worker has
            two records.
        taxonomy_size, occupations_seen: Occupations of the taxonomy, states included, and how many of them occur.
        states: code, title, workers, records, share (of records).
        occupations: The ten most frequent ones, in the columns of `states`.
        withheld: How many occupations and states occur and are in neither, as too few workers have them.
        covariates: covariate, known (share of records), values (the most frequent first).
        columns: The user's own columns: column, type, known (share of records).
        splits: split, workers, records, open ones included.
        split_by: Column whose values no split divides.
        row_counts: What became of the rows of the source, see `Provenance`; those of few are None.
    """

    dataset: str
    taxonomy: str
    taxonomy_size: int
    occupations_seen: int
    workers: int
    records: int
    open_records: int
    first_year: int | None
    last_year: int | None
    records_per_worker: tuple[float, float]
    stay_rate: float | None
    states: pl.DataFrame
    occupations: pl.DataFrame
    withheld: int
    covariates: pl.DataFrame
    columns: pl.DataFrame
    splits: pl.DataFrame
    split_by: str
    weight_kind: str
    provenance: Provenance
    row_counts: list[tuple[str, int | None]]


def summarise(panel: Panel) -> Summary:
    """Count what is in a panel."""
    records = panel.records.filter(pl.col("occupation").is_not_null())
    known = _known(panel)
    lengths = records.group_by("worker").len()["len"].to_list() or [0]
    years = _years(records)
    found = _found(records, panel)
    shown = withhold_counts(found)
    is_state = pl.col("code").is_in(panel.taxonomy.states)
    notes = {name: text for name, text in panel.provenance.notes.items() if name not in QUOTING}
    return Summary(
        dataset=panel.dataset,
        taxonomy=panel.taxonomy.name,
        taxonomy_size=len(panel.taxonomy),
        occupations_seen=found.height,
        workers=panel.workers,
        records=records.height,
        open_records=panel.open_records,
        first_year=min(years, default=None),
        last_year=max(years, default=None),
        records_per_worker=(mean(lengths), median(lengths)),
        stay_rate=_shown_stay_rate(records),
        states=shown.filter(is_state),
        occupations=shown.filter(~is_state).head(MOST_FREQUENT),
        withheld=found.height - shown.height,
        covariates=pl.DataFrame([_covariate(panel.records, name, known[name]) for name in COVARIATES], SHOWN),
        columns=_own_columns(panel, known),
        splits=_splits(panel.records),
        split_by=panel.split_by,
        weight_kind=panel.weight_kind,
        provenance=replace(panel.provenance, notes=notes),
        row_counts=_row_counts(panel.provenance),
    )


def stay_rate(records: pl.DataFrame) -> float | None:
    """Share of records that repeat the occupation of the worker's record before, over all that have one before.

    records: worker and occupation, sorted by worker and year, however many years lie between.
    """
    stays = records.select(pl.col("occupation") == pl.col("occupation").shift().over("worker")).to_series().drop_nulls()
    return int(stays.sum()) / len(stays) if len(stays) else None


def _years(records: pl.DataFrame) -> list[int]:
    workers = records.group_by("year").agg(pl.col("worker").n_unique())
    return workers.filter(pl.col("worker") >= SMALLEST_CELL)["year"].to_list()


def _found(records: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """code, title, workers, records, share of every occupation that occurs, the most frequent first."""
    titles = dict(zip(panel.taxonomy.codes, panel.taxonomy.titles, strict=True))
    counts = records.group_by(pl.col("occupation").alias("code")).agg(
        pl.col("worker").n_unique().alias("workers"), pl.len().alias("records")
    )
    return counts.select(
        "code",
        pl.col("code").replace_strict(titles, return_dtype=pl.String).alias("title"),
        "workers",
        "records",
        (pl.col("records") / records.height).alias("share"),
    ).sort("records", "code", descending=[True, False])


def withheld_codes(panel: Panel) -> list[str]:
    """Codes of the occupations and states that occur and whose counts a summary does not show."""
    found = _found(panel.records.filter(pl.col("occupation").is_not_null()), panel)
    return found.join(withhold_counts(found), on="code", how="anti")["code"].to_list()


def _shown_stay_rate(records: pl.DataFrame) -> float | None:
    """The stay rate, where enough workers have stayed, or none, and enough have moved, or none."""
    stays = pl.col("occupation") == pl.col("occupation").shift().over("worker")
    sides = records.select("worker", stays=stays).drop_nulls().group_by("stays").agg(pl.col("worker").n_unique())
    return stay_rate(records) if (sides["worker"] >= SMALLEST_CELL).all() else None


def _known(panel: Panel) -> dict[str, float | None]:
    """The share of records in which each covariate and own column is known; None where it is withheld."""
    names = [*COVARIATES, *panel.columns]
    known = panel.records.select(pl.col(names).is_not_null())
    worker = worker_index(panel.records)
    cells = [known[name].cast(pl.Int64).to_numpy() for name in names]
    hidden = withhold([np.zeros_like(worker), *cells], worker)[1:]
    shown = [not mask[cell].any() for mask, cell in zip(hidden, cells, strict=True)]
    return {name: float(cell.mean()) if show else None for name, cell, show in zip(names, cells, shown, strict=True)}


def _covariate(records: pl.DataFrame, name: str, known: float | None) -> dict[str, object]:
    values = records.filter(pl.col(name).is_not_null()).group_by(pl.col(name).cast(pl.String))
    counts = values.agg(pl.col("worker").n_unique().alias("workers"), pl.len().alias("records"))
    shown = counts.filter(pl.col("workers") >= SMALLEST_CELL).sort("records", name, descending=[True, False])
    return {"covariate": name, "known": known, "values": shown[name].to_list()}


def _own_columns(panel: Panel, known: dict[str, float | None]) -> pl.DataFrame:
    rows = [(name, str(panel.records.schema[name]), known[name]) for name in panel.columns]
    return pl.DataFrame(rows, {"column": pl.String, "type": pl.String, "known": pl.Float64}, orient="row")


def _splits(records: pl.DataFrame) -> pl.DataFrame:
    parts = [records.filter(pl.col("split") == split) for split in SPLITS]
    counts = pl.DataFrame(
        {
            "split": list(SPLITS),
            "workers": [part["worker"].n_unique() for part in parts],
            "records": [part.height for part in parts],
        }
    )
    empty = pl.col("workers") == 0
    shown = pl.concat([counts.filter(empty), withhold_counts(counts.filter(~empty))])
    return counts.select("split").join(shown, on="split", how="left", maintain_order="left")


def _row_counts(provenance: Provenance) -> list[tuple[str, int | None]]:
    """The rows of the source, a row counted as if it were a worker: reasons of few are withheld, and with them the next
    larger or, where there is none, how many rows were read, as those kept are known."""
    read, *losses, kept = provenance.row_counts
    counts = pl.DataFrame(losses, {"reason": pl.String, "rows": pl.Int64}, orient="row").filter(pl.col("rows") != 0)
    sizes = counts.select("reason", workers=pl.col("rows").abs())
    hidden = sizes.join(withhold_counts(sizes), on="reason", how="anti")
    follows = 0 < hidden["workers"].sum() < SMALLEST_CELL
    shown = [(reason, None if reason in hidden["reason"] else rows) for reason, rows in losses]
    return [(read[0], None if follows else read[1]), *shown, kept]
