"""What is in a panel, in numbers: the first thing to look at after an import."""

from dataclasses import dataclass, replace
from statistics import mean, median

import polars as pl

from laborllm.panel.panel import Panel, Provenance
from laborllm.panel.schema import COVARIATES, SPLITS
from laborllm.privacy import SMALLEST_CELL, withhold_counts

MOST_FREQUENT = 10
QUOTING = {"codes not in taxonomy", "dates unreadable", "ends in the future", "titles uncoded"} | {
    f"{name} {what}" for name in COVARIATES for what in ("read", "not read", "in words of its own")
}
"""Notes for whoever imports: they quote cells of the source, which may be of one person."""


@dataclass(frozen=True)
class Summary:
    """The size and make-up of a panel; what fewer than ten workers share is not in it.

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


def summarise(panel: Panel) -> Summary:
    """Count what is in a panel."""
    records = panel.records.filter(pl.col("occupation").is_not_null())
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
        stay_rate=stay_rate(records),
        states=shown.filter(is_state),
        occupations=shown.filter(~is_state).head(MOST_FREQUENT),
        withheld=found.height - shown.height,
        covariates=pl.DataFrame([_covariate(panel.records, name) for name in COVARIATES]),
        columns=_own_columns(panel),
        splits=_splits(panel.records),
        split_by=panel.split_by,
        weight_kind=panel.weight_kind,
        provenance=replace(panel.provenance, notes=notes),
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


def _covariate(records: pl.DataFrame, name: str) -> dict[str, object]:
    values = records.filter(pl.col(name).is_not_null()).group_by(pl.col(name).cast(pl.String))
    counts = values.agg(pl.col("worker").n_unique().alias("workers"), pl.len().alias("records"))
    shown = counts.filter(pl.col("workers") >= SMALLEST_CELL).sort("records", name, descending=[True, False])
    known = records[name].count() / records.height
    return {"covariate": name, "known": known, "values": shown[name].to_list()}


def _own_columns(panel: Panel) -> pl.DataFrame:
    records = panel.records
    rows = [(name, str(records.schema[name]), records[name].count() / records.height) for name in panel.columns]
    return pl.DataFrame(rows, {"column": pl.String, "type": pl.String, "known": pl.Float64}, orient="row")


def _splits(records: pl.DataFrame) -> pl.DataFrame:
    parts = [records.filter(pl.col("split") == split) for split in SPLITS]
    return pl.DataFrame(
        {
            "split": list(SPLITS),
            "workers": [part["worker"].n_unique() for part in parts],
            "records": [part.height for part in parts],
        }
    )
