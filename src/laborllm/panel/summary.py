"""What is in a panel, in numbers: the first thing to look at after an import."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from laborllm.panel.facts import OF_NOBODY, Provenance
from laborllm.panel.files.store import Careers
from laborllm.panel.panel import Panel
from laborllm.panel.schema import COVARIATES, SPLITS, own_kind
from laborllm.panel.tally import Tally, tally
from laborllm.privacy import SMALLEST_CELL, withhold_counts
from laborllm.privacy.suppression import withheld_cells

MOST_FREQUENT = 10
SHOWN: dict[str, pl.DataType] = {"covariate": pl.String(), "known": pl.Float64(), "values": pl.List(pl.String)}


@dataclass(frozen=True)
class Summary:
    """The size and make-up of a panel; what fewer than ten workers share is not in it, or None.

    Attributes:
        records: Records with an occupation; all counts, but of workers, are of these.
        open_records: Records without an occupation yet; those of few workers are left out of all that is counted.
        first_year, last_year: Of the years in which at least ten workers have a record; None if there is none.
        records_per_worker: Mean and median.
        stay_rate: Share of records, first ones aside, with the occupation of the record before; None if no worker has
            two records.
        taxonomy_size, occupations_seen: Occupations of the taxonomy, states included, and how many of them occur.
        states: code, title, workers, records, share (of records).
        occupations: The ten most frequent ones, in the columns of `states`.
        withheld: How many occupations and states occur and are in neither, as too few workers have them.
        covariates: covariate, known (share of records), values (the most frequent first).
        columns: The user's own columns: column, type (such as "integers"), known (share of records).
        splits: split, workers, records.
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


def summarise(careers: Careers) -> Summary:
    """Count what is in a panel, or in the file that holds it, which is then read some careers at a time."""
    counted = tally(careers)
    panel, known = counted.first, _known(counted)
    years = counted.counts["year"].filter(pl.col("workers") >= SMALLEST_CELL)["year"].to_list()
    found = _found(counted)
    shown = withhold_counts(found)
    is_state = pl.col("code").is_in(panel.taxonomy.states)
    notes = {name: text for name, text in panel.provenance.notes.items() if name in OF_NOBODY}
    return Summary(
        dataset=panel.dataset,
        taxonomy=panel.taxonomy.name,
        taxonomy_size=len(panel.taxonomy),
        occupations_seen=found.height,
        workers=counted.workers,
        records=counted.records,
        open_records=counted.open_records,
        first_year=min(years, default=None),
        last_year=max(years, default=None),
        records_per_worker=_lengths(counted.counts["length"]),
        stay_rate=_shown_stay_rate(counted.counts["stays"]),
        states=shown.filter(is_state),
        occupations=shown.filter(~is_state).head(MOST_FREQUENT),
        withheld=found.height - shown.height,
        covariates=pl.DataFrame([_covariate(counted, name, known[name]) for name in COVARIATES], SHOWN),
        columns=_own_columns(panel, known),
        splits=_splits(counted.counts["split"]),
        split_by=panel.split_by,
        weight_kind=panel.weight_kind,
        provenance=replace(panel.provenance, notes=notes),
        row_counts=shown_row_counts(panel.provenance),
    )


def withheld_codes(careers: Careers) -> list[str]:
    """Codes of the occupations and states that occur and whose counts a summary does not show."""
    found = _found(tally(careers))
    return found.join(withhold_counts(found), on="code", how="anti")["code"].to_list()


def _found(counted: Tally) -> pl.DataFrame:
    """code, title, workers, records, share of every occupation that occurs, the most frequent first."""
    taxonomy = counted.first.taxonomy
    titles = dict(zip(taxonomy.codes, taxonomy.titles, strict=True))
    return (
        counted.counts["occupation"]
        .select(
            pl.col("occupation").alias("code"),
            pl.col("occupation").replace_strict(titles, return_dtype=pl.String).alias("title"),
            "workers",
            "records",
            (pl.col("records") / counted.records).alias("share"),
        )
        .sort("records", "code", descending=[True, False])
    )


def _lengths(lengths: pl.DataFrame) -> tuple[float, float]:
    """The mean and the median of how many records workers have."""
    ordered = lengths.sort("length").with_columns(upto=pl.col("workers").cum_sum())
    workers = int(lengths["workers"].sum())
    if not workers:
        return 0.0, 0.0
    middle = [ordered.filter(pl.col("upto") > at)["length"][0] for at in ((workers - 1) // 2, workers // 2)]
    return int(lengths["records"].sum()) / workers, sum(middle) / 2


def _shown_stay_rate(stays: pl.DataFrame) -> float | None:
    """The stay rate, where enough workers have stayed, or none, and enough have moved, or none."""
    if stays.is_empty() or not (stays["workers"] >= SMALLEST_CELL).all():
        return None
    return int(stays.filter("stays")["records"].sum()) / int(stays["records"].sum())


def _known(counted: Tally) -> dict[str, float | None]:
    """The share of records in which each covariate and own column is known; None where it is withheld."""
    records = counted.records + counted.open_records
    _, *cells = withheld_cells(counted.known_cells)
    occurs = [np.unique(level) for level in counted.known_cells.atoms.T[1:]]
    shown = [not mask[levels].any() for mask, levels in zip(cells, occurs, strict=True)]
    return {
        name: counted.known[name] / records if show else None for name, show in zip(counted.names, shown, strict=True)
    }


def _covariate(counted: Tally, name: str, known: float | None) -> dict[str, object]:
    values = counted.counts["covariate"].filter(pl.col("workers") >= SMALLEST_CELL, covariate=name)
    return {
        "covariate": name,
        "known": known,
        "values": values.sort("records", "value", descending=[True, False])["value"].to_list(),
    }


def _own_columns(panel: Panel, known: dict[str, float | None]) -> pl.DataFrame:
    rows = [(name, own_kind(panel.records.schema[name]), known[name]) for name in panel.columns]
    return pl.DataFrame(rows, {"column": pl.String, "type": pl.String, "known": pl.Float64}, orient="row")


def _splits(found: pl.DataFrame) -> pl.DataFrame:
    counts = pl.DataFrame({"split": list(SPLITS)}).join(found, on="split", how="left", maintain_order="left")
    shown = withhold_counts(counts.drop_nulls())
    empty = counts.filter(pl.col("workers").is_null()).fill_null(0)
    return counts.select("split").join(pl.concat([shown, empty]), on="split", how="left", maintain_order="left")


def shown_row_counts(provenance: Provenance) -> list[tuple[str, int | None]]:
    """What became of the rows of the source, a row counted as if it were a worker.

    Reasons of few are withheld, and with them the next larger one or, where there is none, how many rows were read, as
    those kept are known.
    """
    read, *losses, kept = provenance.row_counts
    counts = pl.DataFrame(losses, {"reason": pl.String, "rows": pl.Int64}, orient="row").filter(pl.col("rows") != 0)
    sizes = counts.select("reason", workers=pl.col("rows").abs())
    hidden = sizes.join(withhold_counts(sizes), on="reason", how="anti")
    follows = 0 < hidden["workers"].sum() < SMALLEST_CELL
    shown = [(reason, None if reason in hidden["reason"] else rows) for reason, rows in losses]
    return [(read[0], None if follows else read[1]), *shown, kept]
