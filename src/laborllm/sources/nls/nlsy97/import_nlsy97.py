"""From the wide extract to records: one per worker and survey round, for the calendar year of the round."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations import Crosswalk, load_crosswalk, load_taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.sources.nls.investigator import Extract, read_extract
from laborllm.sources.nls.nlsy97.jobs import drop_impossible, main_jobs, read_jobs
from laborllm.sources.nls.nlsy97.people import DESIGN, read_people, read_rounds
from laborllm.sources.nls.nlsy97.questions import require_rounds
from laborllm.sources.nls.nlsy97.weeks import read_weeks
from laborllm.sources.row_counts import LEFT_OUT, answered, count_codes, coverage, finish_panel, first_reason, left_out

HALF_A_YEAR = 26  # weeks
STATES = ("unemployed", "not_in_labor_force", "in_education")
UNCODABLE = ("9990",)


def import_nlsy97(files: Sequence[str | Path], *, seed: int = 0, split_by: str | None = None) -> Panel:
    """Import the NLSY97 from an extract.

    A worker who has a job with an occupation in the year is employed in her main job. Without one she is in education
    if enrolled, else unemployed or out of the labor force if she was without work for 26 weeks or more, whichever of
    the two for longer. Every person and round is a record or counted in `provenance.left_out`. Where the extract has
    them, the panel keeps the columns household, stratum and psu (of the sample), and wage (hourly pay of the main job,
    in dollars).

    Args:
        files: Data, codebook and whatever else `read_extract` takes.
        seed: Draws the split.
        split_by: Column whose values the split keeps whole; default: household where the extract has it, else worker.

    Returns:
        The panel.

    Raises:
        SourceError: Files that are no extract, that lack a question, or whose dates cannot be.
        PanelError: A split by a column that the extract lacks.

    Examples:
        >>> import laborllm as ll
        >>> ll.import_nlsy97(["extract.zip"]).save(Path("nlsy97.parquet"))  # doctest: +SKIP
    """
    extract = read_extract([Path(file) for file in files])
    rounds = require_rounds(extract)
    people = read_people(extract)
    jobs, impossible = drop_impossible(read_jobs(extract, rounds), people)
    rows = _rows(extract, rounds, people, main_jobs(jobs, rounds))
    crosswalk = load_crosswalk("census2002")
    rows = _with_occupation(rows, crosswalk)
    codes = count_codes(rows.filter(_coded())["code"])
    _require_codes(codes, crosswalk)
    provenance = Provenance(
        source="nlsy97",
        files=dict(extract.files),
        rows_in=rows.height,
        left_out=left_out(rows),
        notes=coverage(codes, crosswalk.pairs, [crosswalk]) | _notes(rounds, impossible) | dict(extract.notes),
    )
    taxonomy = load_taxonomy("occ1990dd").with_states(STATES)
    weighted = "sampling" if rows["weight"].count() > 0 else "none"
    return finish_panel(
        _records(rows), provenance, taxonomy, "NLSY97", seed=seed, weight_kind=weighted, split_by=split_by
    )


def _rows(extract: Extract, rounds: Sequence[int], people: pl.DataFrame, main: pl.DataFrame) -> pl.DataFrame:
    """One row per person and round, with all that is known of that year."""
    rows = read_rounds(extract, rounds).join(people, on="person", how="left")
    rows = rows.join(read_weeks(extract, rounds), on=["person", "year"], how="left")
    return rows.join(main, on=["person", "year"], how="left")


def _with_occupation(rows: pl.DataFrame, crosswalk: Crosswalk) -> pl.DataFrame:
    """Add `occupation`, and `left_out`, the reason for every row that has none."""
    idle = pl.col("not_working") >= HALF_A_YEAR
    distinguished = pl.col("looking") + pl.col("not_looking") > 0
    searches = pl.col("looking") >= pl.col("not_looking")
    occupation = (
        pl.when(pl.col("code").is_not_null())
        .then(pl.col("code").replace_strict(crosswalk.pairs, default=None, return_dtype=pl.String))
        .when("enrolled")
        .then(pl.lit("in_education"))
        .when(idle & distinguished)
        .then(pl.when(searches).then(pl.lit("unemployed")).otherwise(pl.lit("not_in_labor_force")))
    )
    reason = first_reason(
        (~pl.col("interviewed"), "not interviewed"),
        (pl.col("unknown") >= HALF_A_YEAR, "work of half the year or more unknown"),
        (pl.col("code").is_in(UNCODABLE), "occupation uncodable"),
        (pl.col("code").is_not_null() & occupation.is_null(), "occupation code not in taxonomy"),
        (occupation.is_null() & idle, "not working, unknown whether looking for work"),
        (occupation.is_null(), "neither an occupation nor half a year without work"),
    )
    return rows.with_columns(reason, occupation=occupation)


def _coded() -> pl.Expr:
    """The rows that an occupation is looked up for."""
    kept = pl.col(LEFT_OUT).is_null() | (pl.col(LEFT_OUT) == "occupation code not in taxonomy")
    return kept & pl.col("code").is_not_null()


def _require_codes(codes: dict[str, int], crosswalk: Crosswalk) -> None:
    if codes and not any(code in crosswalk.pairs for code in codes):
        first = ", ".join(list(codes)[:5])
        raise SourceError(f"none of the {len(codes)} occupation codes is in crosswalk {crosswalk.name}", cells=first)


def _notes(rounds: Sequence[int], impossible: int) -> dict[str, str]:
    span = f"{len(rounds)}, {rounds[0]} to {rounds[-1]}"
    return {"survey rounds": span, "jobs with impossible dates, not used": f"{impossible:,}"}


def _records(rows: pl.DataFrame) -> pl.DataFrame:
    covariates = ("education", "gender", "ethnicity", "region", "birth_year", "weight")
    worker = pl.col("person").cast(pl.String).alias("worker")
    kept = rows.filter(pl.col(LEFT_OUT).is_null())
    return kept.select(worker, "year", "occupation", *covariates, *answered(rows, (*DESIGN, "wage")))
