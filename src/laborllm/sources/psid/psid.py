"""The Panel Study of Income Dynamics: extracts of its Data Center become a panel of reference persons and spouses.

Employment and occupation are asked of the reference person (the "head" until 2015) and of the spouse or partner only,
and stand in the family's record; who a person is to the family stands in the person's own. What the codes mean is
taken from the codebooks of the PSID; a code that they do not list, or call a wild code, is missing.
"""

from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations import load_crosswalk, load_taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.sources.covariates import CENSUS_REGIONS, SEXES, education_of_grade, named
from laborllm.sources.formats import values
from laborllm.sources.formats.fixed_width import FixedWidthFile, read_fixed_width
from laborllm.sources.mapping import EMPLOYED
from laborllm.sources.psid.codes import (
    ALASKA_HAWAII,
    CODINGS,
    EARLIEST_BIRTH,
    GRADES,
    HEADS,
    IN_FAMILY,
    OTHER,
    RACES,
    SPOUSES,
    STATUS,
    UNKNOWN_WAGES,
    in_force,
)
from laborllm.sources.psid.variables import FAMILY_1968, PERSON, SEX, Wave, load_waves
from laborllm.sources.row_counts import LEFT_OUT, answered, count_codes, coverage, finish_panel, first_reason, left_out
from laborllm.storage import file_hash

STATES = ("unemployed", "not_in_labor_force", "in_education")
OWN_COLUMNS = ("household", "wage")
NOT_IN_TAXONOMY = "occupation code not in taxonomy"


def import_psid(paths: Sequence[str | Path], *, seed: int = 0, split_by: str | None = None) -> Panel:
    """Import the PSID from extracts of its Data Center.

    Individuals with their families in one file, or apart in several. A wave is read if anything about work in it is
    there. Each person in each wave becomes a record or is counted in `provenance.left_out`. The column household is the
    number of the family of 1968 that a person descends from. Where the extract has it, the column wage is the hourly
    rate of the present main job, in dollars, of those who are paid by the hour.

    Args:
        paths: Data files, each with its SAS, SPSS or Stata statements next to it.
        seed: Draws the split.
        split_by: Column whose values the split keeps whole; default: household, all of a family of 1968.

    Returns:
        The panel.

    Raises:
        SourceError: Files that cannot be read or do not fit each other, or that lack what a wave needs.
        PanelError: A split by a column that the extract lacks.

    Examples:
        >>> import laborllm as ll
        >>> ll.import_psid(["J123456.txt"]).save(Path("psid.parquet"))  # doctest: +SKIP
    """
    waves = load_waves()
    wanted = {FAMILY_1968, PERSON, SEX}.union(*(wave.variables.values() for wave in waves))
    extracts = [read_fixed_width(Path(path), wanted) for path in paths]
    waves = _complete_waves(waves, extracts)
    people = _individuals(extracts)
    families = [extract for extract in extracts if not _of_individuals(extract)]
    rows = pl.concat([_rows(_with_family(people, families, wave), wave) for wave in waves])
    kept = rows.filter(pl.col(LEFT_OUT).is_null())
    provenance = Provenance(
        source="psid",
        files={file.name: file_hash(file) for extract in extracts for file in (extract.path, extract.statements)},
        rows_in=rows.height,
        left_out=left_out(rows),
        notes=_notes(rows, waves),
    )
    taxonomy = load_taxonomy("occ1990dd").with_states(STATES)
    weight_kind = "sampling" if kept["weight"].count() else "none"
    return finish_panel(
        _records(kept), provenance, taxonomy, "PSID", seed=seed, weight_kind=weight_kind, split_by=split_by
    )


def _complete_waves(waves: list[Wave], extracts: list[FixedWidthFile]) -> list[Wave]:
    """The waves of which something about work is there. Raises `SourceError` if one of them lacks what it needs."""
    there = {name for extract in extracts for name in extract.frame.columns}
    chosen = [wave for wave in waves if there.intersection(wave.asks_for_work)]
    if not chosen:
        raise SourceError(
            "no wave has a status or occupation here", hint="'laborllm import psid --variables' lists what to get"
        )
    lacking = [f"{wave.year}: {', '.join(missing)}" for wave in chosen if (missing := wave.missing(there))]
    if lacking:
        raise SourceError(f"variables are missing, {'; '.join(lacking)}: add them to the cart, or leave the year out")
    return chosen


def _of_individuals(extract: FixedWidthFile) -> bool:
    return {FAMILY_1968, PERSON} <= set(extract.frame.columns)


def _individuals(extracts: list[FixedWidthFile]) -> pl.DataFrame:
    """One row per person, with the variables of every file of individuals side by side."""
    frames = []
    for extract in filter(_of_individuals, extracts):
        frame = extract.frame.with_columns(_number(FAMILY_1968), _number(PERSON))
        doubled = frame.select(FAMILY_1968, PERSON).is_duplicated().arg_true()
        if len(doubled):
            where = f"{extract.path.name}, line {doubled[0] + 1:,}"
            raise SourceError(f"{where}: a person ({FAMILY_1968}, {PERSON}) has two records")
        frames.append(frame)
    if not frames:
        raise SourceError(f"no individuals: none of the files has both {FAMILY_1968} and {PERSON}")
    return reduce(_side_by_side, frames)


def _side_by_side(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    new = [name for name in other.columns if name not in one.columns]
    return one.join(other.select(FAMILY_1968, PERSON, *new), on=[FAMILY_1968, PERSON], how="full", coalesce=True)


def _with_family(people: pl.DataFrame, families: list[FixedWidthFile], wave: Wave) -> pl.DataFrame:
    """Add what separate files say of the family that each person was interviewed with in the wave."""
    for family in families:
        new = [name for name in wave.of_family if name in family.frame.columns and name not in people.columns]
        if new:
            number = _interview_number(people, wave, "individual", "the file of individuals")
            interviews = _interviews(family, wave, new).rename({wave.variables["family", "interview"]: number})
            people = people.with_columns(_number(number)).join(interviews, on=number, how="left")
    return people


def _interviews(family: FixedWidthFile, wave: Wave, variables: list[str]) -> pl.DataFrame:
    """The interview number of each family in the wave, and its variables."""
    number = _interview_number(family.frame, wave, "family", family.path.name)
    lines = family.frame.select(_number(number), *variables, line=pl.int_range(1, pl.len() + 1))
    rows = lines.filter(pl.col(number) > 0).unique([number, *variables], keep="first", maintain_order=True)
    doubled = rows.filter(pl.col(number) == pl.col(number).filter(pl.col(number).is_duplicated()).first())["line"]
    if len(doubled):
        raise SourceError(
            f"{family.path.name}, lines {doubled[0]:,} and {doubled[1]:,}: two records of {wave.year} with the same "
            f"interview number ({number}) differ"
        )
    return rows.drop("line")


def _interview_number(frame: pl.DataFrame, wave: Wave, role: str, where: str) -> str:
    name = wave.variables[role, "interview"]
    if name not in frame.columns:
        raise SourceError(
            f"{where} lacks {name}, the interview number of {wave.year}, which joins persons and families"
        )
    return name


def _rows(people: pl.DataFrame, wave: Wave) -> pl.DataFrame:
    """A row per person: the columns of a panel, the code of the occupation, and why there is no record, if so."""
    coding, races = in_force(CODINGS, wave), in_force(RACES, wave)
    activity = named("status", STATUS)
    works = activity == EMPLOYED
    code = pl.when(works & ~pl.col("occupation").is_in(coding.missing)).then(pl.col("occupation") * coding.factor)
    places = {int(code): target for code, target in load_crosswalk(coding.crosswalk).pairs.items()}
    target = code.replace_strict(places, default=None, return_dtype=pl.String)
    reason = first_reason(
        (~pl.col("sequence").is_between(*IN_FAMILY).fill_null(False), "not in a family at the interview"),
        (pl.col("role").is_null(), "neither reference person nor spouse"),
        (pl.col("worker").is_null(), "person number missing"),
        (activity.is_null(), "status missing"),
        (activity == OTHER, "status other"),
        (works & code.is_null(), "occupation missing"),
        (works & target.is_null(), NOT_IN_TAXONOMY),
    )
    grade, birth_year = pl.col("education"), pl.col("birth_year")
    return _by_role(people, wave).select(
        reason,
        "worker",
        "household",
        "year",
        pl.when(works).then(target).otherwise(activity).alias("occupation"),
        education_of_grade(pl.when(grade.is_between(*GRADES)).then(grade)).alias("education"),
        named("sex", SEXES).alias("gender"),
        named("race", races).alias("ethnicity"),
        named("region", CENSUS_REGIONS | {ALASKA_HAWAII: "west"}).alias("region"),
        pl.when(birth_year.is_between(EARLIEST_BIRTH, wave.year)).then(birth_year).alias("birth_year"),
        "weight",
        pl.when(works & (pl.col("wage") > 0) & (pl.col("wage") < in_force(UNKNOWN_WAGES, wave)))
        .then("wage")
        .alias("wage"),
        pl.format("{} {}", pl.lit(coding.crosswalk), code).alias("code"),
    )


def _by_role(people: pl.DataFrame, wave: Wave) -> pl.DataFrame:
    """What was asked of each person in the wave, and of the person's family, by its meaning."""

    def asked(role: str, what: str, kind: type[pl.DataType] = pl.Int64) -> pl.Expr:
        name = wave.variables.get((role, what))
        return _number(name, kind) if name in people.columns else pl.lit(None, kind)

    def own(what: str, kind: type[pl.DataType] = pl.Int64) -> pl.Expr:
        return pl.when(head).then(asked("head", what, kind)).when(spouse).then(asked("spouse", what, kind))

    relation, weight = asked("individual", "relation"), wave.variables["individual", "weight"]
    head, spouse = relation.is_in(in_force(HEADS, wave)), relation.is_in(in_force(SPOUSES, wave))
    return people.select(
        (pl.col(FAMILY_1968) * 1000 + pl.col(PERSON)).cast(pl.String).alias("worker"),
        pl.col(FAMILY_1968).alias("household"),
        pl.lit(wave.year).alias("year"),
        pl.when(head).then(pl.lit("head")).when(spouse).then(pl.lit("spouse")).alias("role"),
        (_number(SEX) if SEX in people.columns else pl.lit(None, pl.Int64)).alias("sex"),
        *(asked("individual", what).alias(what) for what in ("sequence", "education", "birth_year")),
        (pl.col(weight) if weight in people.columns else pl.lit(None, pl.String)).alias("weight"),
        asked("family", "region").alias("region"),
        *(own(what).alias(what) for what in ("status", "occupation", "race")),
        own("wage", pl.Float64).alias("wage"),
    )


def _number(name: str, kind: type[pl.DataType] = pl.Int64) -> pl.Expr:
    """The numbers of a column, whole by default; null where there is none."""
    return pl.col(name).cast(kind, strict=False)


def _records(kept: pl.DataFrame) -> pl.DataFrame:
    """The rows as records: of what is reported each time but does not change in a life, the last report."""
    last = {name: pl.col(name).drop_nulls().last().over("worker") for name in ("ethnicity", "birth_year")}
    weights = values.weights(kept["weight"], "the weights", missing=())
    unanswered = set(OWN_COLUMNS).difference(answered(kept, OWN_COLUMNS))
    return kept.drop(LEFT_OUT, "code", *unanswered).with_columns(weights).sort("worker", "year").with_columns(**last)


def _notes(rows: pl.DataFrame, waves: list[Wave]) -> dict[str, str]:
    """The waves, and which codes have a place in the taxonomy; a code is written after its crosswalk."""
    kept = pl.col(LEFT_OUT).is_null()
    codes = count_codes(rows.filter(kept | (pl.col(LEFT_OUT) == NOT_IN_TAXONOMY))["code"].drop_nulls())
    crosswalks = dict.fromkeys(in_force(CODINGS, wave).crosswalk for wave in waves)
    return {
        "waves": ", ".join(str(wave.year) for wave in waves),
        **coverage(codes, set(rows.filter(kept)["code"]), [load_crosswalk(name) for name in crosswalks]),
    }
