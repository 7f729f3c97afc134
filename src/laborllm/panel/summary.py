"""What is in a panel, in numbers: the first thing to look at after an import."""

from dataclasses import dataclass
from statistics import mean, median

import polars as pl

from laborllm.panel.panel import COVARIATES, SPLITS, Panel, Provenance

FEWEST_WORKERS = 10  # a smaller cell could point at a person
MOST_FREQUENT = 10


@dataclass(frozen=True)
class Summary:
    """The size and make-up of a panel. Shares are of records.

    records_per_worker: mean and median. stay_rate: the share of records, first ones aside, whose occupation is that of
    the worker's record before; None if no worker has two. taxonomy_size, occupations_seen: size of the taxonomy,
    and how much of it occurs.
    states: code, title, workers, records, share. occupations: the same of the ten most frequent ones. An occupation
    with fewer than ten workers is in neither; withheld counts those.
    covariates: covariate, known (share), values (those that at least ten workers have, the most frequent first).
    splits: split, workers, records.
    """

    dataset: str
    taxonomy: str
    taxonomy_size: int
    occupations_seen: int
    workers: int
    records: int
    first_year: int
    last_year: int
    records_per_worker: tuple[float, float]
    stay_rate: float | None
    states: pl.DataFrame
    occupations: pl.DataFrame
    withheld: int
    covariates: pl.DataFrame
    splits: pl.DataFrame
    weight_kind: str
    provenance: Provenance


def summarise(panel: Panel) -> Summary:
    """Count what is in a panel."""
    records = panel.records
    years = records["year"].to_list()
    lengths = records.group_by("worker").len()["len"].to_list()
    found = _found(panel)
    shown = found.filter(pl.col("workers") >= FEWEST_WORKERS)
    is_state = pl.col("code").is_in(panel.taxonomy.states)
    return Summary(
        dataset=panel.dataset,
        taxonomy=panel.taxonomy.name,
        taxonomy_size=len(panel.taxonomy),
        occupations_seen=found.height,
        workers=panel.workers,
        records=len(panel),
        first_year=min(years),
        last_year=max(years),
        records_per_worker=(mean(lengths), median(lengths)),
        stay_rate=stay_rate(records),
        states=shown.filter(is_state),
        occupations=shown.filter(~is_state).head(MOST_FREQUENT),
        withheld=found.height - shown.height,
        covariates=pl.DataFrame([_covariate(records, name) for name in COVARIATES]),
        splits=_splits(records),
        weight_kind=panel.weight_kind,
        provenance=panel.provenance,
    )


def stay_rate(records: pl.DataFrame) -> float | None:
    """Share of records that repeat the occupation of the worker's record before, over all that have one before.

    records: worker and occupation, sorted by worker and year, however many years lie between.
    """
    stays = records.select(pl.col("occupation") == pl.col("occupation").shift().over("worker")).to_series().drop_nulls()
    return int(stays.sum()) / len(stays) if len(stays) else None


def _found(panel: Panel) -> pl.DataFrame:
    """code, title, workers, records, share of every occupation that occurs, the most frequent first."""
    titles = dict(zip(panel.taxonomy.codes, panel.taxonomy.titles, strict=True))
    counts = panel.records.group_by(pl.col("occupation").alias("code")).agg(
        pl.col("worker").n_unique().alias("workers"), pl.len().alias("records")
    )
    return counts.select(
        "code",
        pl.col("code").replace_strict(titles).alias("title"),
        "workers",
        "records",
        (pl.col("records") / len(panel)).alias("share"),
    ).sort("records", "code", descending=[True, False])


def _covariate(records: pl.DataFrame, name: str) -> dict[str, object]:
    values = records.filter(pl.col(name).is_not_null()).group_by(pl.col(name).cast(pl.String))
    counts = values.agg(pl.col("worker").n_unique().alias("workers"), pl.len().alias("records"))
    shown = counts.filter(pl.col("workers") >= FEWEST_WORKERS).sort("records", name, descending=[True, False])
    known = records[name].count() / records.height
    return {"covariate": name, "known": known, "values": shown[name].to_list()}


def _splits(records: pl.DataFrame) -> pl.DataFrame:
    parts = [records.filter(pl.col("split") == split) for split in SPLITS]
    return pl.DataFrame(
        {
            "split": list(SPLITS),
            "workers": [part["worker"].n_unique() for part in parts],
            "records": [part.height for part in parts],
        }
    )
