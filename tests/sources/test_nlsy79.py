"""NLSY79 from raw extracts: invented people one by one, and the real files against their codebook and each other."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laborllm.errors import LaborLLMError, SourceError
from laborllm.occupations import load_crosswalk
from laborllm.panel import Panel
from laborllm.sources import import_nlsy79, import_table
from laborllm.sources.nls.investigator import KEY, Extract, answers, load_shipped_list, read_extract
from sources.invented import Column, codebook, data, variable_list, write

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data" / "nlsy79"
PEOPLE = Column(KEY, "CASEID", "1979", (1, 2, 3, 4, 5, 6))


def _import(folder: Path, *columns: Column) -> Panel:
    return import_nlsy79(write(folder, {"own.csv": data((PEOPLE, *columns)), "own.cdb": codebook((PEOPLE, *columns))}))


def _jobs(panel: Panel) -> dict[tuple[str, int], str]:
    return {(worker, year): job for worker, year, job in panel.records.select("worker", "year", "occupation").rows()}


def test_each_round_has_its_coding(tmp_path: Path) -> None:
    panel = _import(
        tmp_path,
        Column("R0046400", "CPSOCC70", "1979", (310, 280, 995, 0, -4, 590)),
        Column("R0828000", "CPSOCC80", "1982", (276, 8, -3, -4, -5, 276)),
        Column("R0702100", "CPSOCC70", "1982", (1, 1, 310, 310, 310, -4)),
        Column("R6592900", "CPSOCC80.01", "2000", (276, -5, -5, -5, -5, -5)),
        Column("R7209600", "OCCALL-EMP.01", "2002", (472, 995, 999, -5, -5, -5)),
        Column("R7898000", "OCCALL-EMP.01", "2004", (4720, 9950, 9990, 1005, -2, -1)),
    )
    idle = "not_working"
    assert _jobs(panel) == {
        ("1", 1979): "276",
        ("2", 1979): "275",
        ("3", 1979): idle,
        ("4", 1979): idle,
        ("5", 1979): idle,
        ("6", 1979): "905",
        ("1", 1982): "276",
        ("2", 1982): "8",
        ("3", 1982): "276",  # not answered in Census 1980 codes, but in those of 1970
        ("4", 1982): "276",
        ("5", 1982): "276",
        ("6", 1982): "276",
        ("1", 2000): "276",
        ("1", 2002): "276",
        ("2", 2002): idle,
        ("1", 2004): "276",
        ("2", 2004): idle,
    }
    assert panel.provenance.rows_in == 5 * 6
    assert panel.provenance.left_out == {
        "not interviewed": 8,
        "occupation uncodable": 2,
        "occupation code not in taxonomy": 1,
        "occupation: don't know": 1,
        "occupation: refusal": 1,
    }
    assert panel.provenance.notes["codes not in taxonomy"] == "census2002 1005 (1 row)"


OCCUPATION = Column("R0828000", "CPSOCC80", "1982", (276, 276, -4, -4, -3, 276))
ENROLLED = Column("R0898301", "ENROLLMTREV82", "1982", (1, 2, 3, 4, 4, -5))
STATUS: Mapping[str, tuple[Column, tuple[str | None, ...]]] = {
    "none": (
        Column("R0896900", "WKSWK-PCY", "1982", (0, 0, 52, -3, 0, -3)),
        ("not_working", "in_education", "in_education", "not_working", "not_working", "276"),
    ),
    "collapsed": (
        Column("R0898501", "ESR_COL", "1982", (1, 3, 4, 1, 2, 3)),
        ("276", "in_education", "905", None, "unemployed", "not_in_labor_force"),
    ),
    "whole": (
        Column("R0898500", "ESR_KEY", "1982", (3, 5, 8, 6, 2, -3)),
        ("unemployed", "in_education", "905", "not_in_labor_force", None, "276"),
    ),
}


@pytest.mark.parametrize("recode", STATUS)
def test_activity(recode: str, tmp_path: Path) -> None:
    column, expected = STATUS[recode]
    panel = _import(tmp_path, OCCUPATION, ENROLLED, column)
    jobs = _jobs(panel)
    assert tuple(jobs.get((str(person), 1982)) for person in PEOPLE.answers) == expected
    known = {"none": ("in_education", "not_working")}
    assert panel.taxonomy.states == known.get(recode, ("unemployed", "not_in_labor_force", "in_education"))


def test_covariates(tmp_path: Path) -> None:
    panel = _import(
        tmp_path,
        Column("R0000500", "Q1-3_A~Y", "1979", (57, 58, 64, 60, 60, 60)),
        Column("R0214700", "SAMPLE_RACE", "78SCRN", (1, 2, 3, 3, 3, 3)),
        Column("R0214800", "SAMPLE_SEX", "1979", (1, 2, 1, 2, 1, 2)),
        Column("R0828000", "CPSOCC80", "1982", (276,) * 6),
        Column("R0898201", "HGCREV82", "1982", (11, 12, 15, 16, 17, 95)),
        Column("R0897910", "REGION", "1982", (1, 2, 3, 4, -4, -3)),
        Column("R0896700", "SAMPWEIGHT", "1982", (123456, 100, 0, 1, -3, 5)),
    )
    records = panel.records.sort("worker")
    assert records["birth_year"].to_list() == [1957, 1958, 1964, 1960, 1960, 1960]
    assert records["ethnicity"].to_list() == ["hispanic", "black or african american", *["white"] * 4]
    assert records["gender"].to_list() == ["male", "female"] * 3
    levels = ["less than high school", "high school", "some college", "college", "graduate degree", None]
    assert records["education"].to_list() == levels
    assert records["region"].to_list() == ["northeast", "northcentral", "south", "west", None, None]
    assert records["weight"].to_list() == [1234.56, 1.0, 0.0, 0.01, None, 0.05]
    assert (panel.dataset, panel.weight_kind) == ("NLSY79", "sampling")


def test_household_and_pay(tmp_path: Path) -> None:
    columns = (
        Column("R0000149", "HHID", "1979", (1, 1, 3, 3, 5, 6)),
        Column("R0841000", "HRP1", "1982", (725, 0, 500, -4, 900, -4)),
        Column("R0828000", "CPSOCC80", "1982", (276, 276, -4, -4, 8, 276)),
    )
    panel = _import(tmp_path, *columns)
    assert panel.columns == ("household", "wage")
    idle = [("3", "not_working", 3, None), ("4", "not_working", 3, None)]  # the pay is that of a job in the past
    found = panel.records.select("worker", "occupation", "household", "wage").rows()
    assert found == [("1", "276", 1, 7.25), ("2", "276", 1, 0.0), *idle, ("5", "8", 5, 9.0), ("6", "276", 6, None)]
    files = write(tmp_path, {"own.csv": data((PEOPLE, *columns))})
    assert panel.split_by == "household"
    assert panel.records.group_by("household").agg(pl.col("split").n_unique())["split"].to_list() == [1] * 4
    assert import_nlsy79(files, split_by="worker").split_by == "worker"


def test_without_the_optional_questions(tmp_path: Path) -> None:
    panel = _import(tmp_path, OCCUPATION)
    assert panel.records["gender"].null_count() == len(panel) == 5
    assert panel.weight_kind == "none"
    missing = (
        "employment status recode, weeks worked, enrolment, education, gender, ethnicity, region, birth_year, weight"
    )
    assert panel.provenance.notes["not in the extract"] == missing


def test_bare_columns_are_known_by_the_shipped_list(tmp_path: Path) -> None:
    panel = import_nlsy79(write(tmp_path, {"own.csv": data((PEOPLE, OCCUPATION))}))
    assert set(_jobs(panel).values()) == {"276", "not_working"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((), "the extract has no occupation: add CPSOCC80 (1982-2000), "),
        (
            (OCCUPATION, Column("R0898500", "ESR_KEY", "1982", (9, 1, 1, 1, 1, 1))),
            "ESR_KEY of 1982 has an answer that it cannot have, in 1 row; it can be",
        ),
        (
            (OCCUPATION, Column("R0214800", "SAMPLE_SEX", "1979", (7, 3, 1, 1, 1, 1))),
            "an answer that it cannot have, in 2 rows; it can be 1, 2",
        ),
        (
            (OCCUPATION, Column("R0000500", "Q1-3_A~Y", "1979", (1957,) * 6)),
            "Q1-3_A~Y of 1979 has an answer that it cannot have, in 6 rows",
        ),
        ((Column("R0828000", "CPSOCC80", "1982", (-5,) * 6),), "no row is left to make a panel of (6 not interviewed)"),
    ],
)
def test_what_is_refused(columns: tuple[Column, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        _import(tmp_path, Column("R0897910", "REGION", "1982", (1,) * 6), *columns)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_codes_with_decimals(tmp_path: Path) -> None:
    table = data((PEOPLE, OCCUPATION)).replace("276", "276.5", 1)
    with pytest.raises(
        SourceError, match=r"CPSOCC80 of 1982 \(R0828000\) has decimals, in 1 row: download the file again"
    ):
        import_nlsy79(write(tmp_path, {"own.csv": table}))


QUESTIONS = ("CPSOCC80", "WKSWK-PCY", "ENROLLMT", "HGC", "REGION", "SAMPLE_SEX", "Q1-3_A~Y", "ESR_COL")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["CPSOCC80", "WKSWK-PCY", "ENROLLMT", "HGC", "REGION", "SAMPLE_SEX", "Q1-3_A~Y", "ESR_COL"]
            ),
            st.lists(st.integers(-6, 999) | st.integers(-(10**15), 10**15) | st.integers(1, 4), min_size=6, max_size=6),
        ),
        unique_by=lambda column: column[0],
    )
)
def test_any_answers_make_a_panel_or_are_refused(tmp_path: Path, answered: list[tuple[str, list[int]]]) -> None:
    fixed = ("SAMPLE_SEX", "Q1-3_A~Y")
    columns = [
        Column(f"R{number:07d}", question, "1979" if question in fixed else "1982", answer)
        for number, (question, answer) in enumerate(answered, start=1)
    ]
    files = {"own.csv": data((PEOPLE, *columns)), "own.sdf": variable_list((PEOPLE, *columns))}
    try:
        counts = import_nlsy79(write(tmp_path, files)).provenance
    except LaborLLMError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - a panel is right too
    else:
        assert counts.rows_in == 6


def test_another_cohort(tmp_path: Path) -> None:
    youth = (Column(KEY, "PUBID", "1997", (1, 2)), Column("R0536300", "KEY!SEX", "1997", (1, 2)))
    with pytest.raises(
        SourceError, match="R0000100 is PUBID here: this is an extract of another cohort than the NLSY79"
    ):
        import_nlsy79(write(tmp_path, {"own.csv": data(youth), "own.cdb": codebook(youth)}))


def _files(*names: str) -> list[Path]:
    files = [SHARED / name for name in names]
    if not all(file.is_file() for file in files):
        pytest.skip("the NLSY79 extracts are not here")
    return files


def _all_people() -> list[Path]:
    """Every variable of the 12,686 that is at hand. CPSOCC80 comes as a table of one question."""
    parts = ("supplement1", "supplement2", "employment_status")
    supplements = [f"NLSY79_{part}.{ending}" for part in parts for ending in ("csv.gz", "cdb")]
    codes = _files("CPS80_occ_codes.csv.gz")[0]
    return [*_files(*supplements, "unrevised_educ_vars.csv.gz", "unrevised_educ_vars.sdf"), Path(f"CPSOCC80={codes}")]


@cache
def _part_extract() -> Extract:
    """686 of the people, with all 1,833 variables of a full extract."""
    return read_extract(_files("original-8.csv.gz", "original.cdb.gz"))


@cache
def _all_extract() -> Extract:
    return read_extract(_all_people())


@cache
def _all_panel() -> Panel:
    return import_nlsy79(_all_people())


def test_codes_of_a_part_of_the_cohort_are_those_of_its_codebook() -> None:
    """The codebook counts all 12,686 people, the extract has 686: no group of codes may have more of them there."""
    extract = _part_extract()
    assert extract.rounds("CPSOCC70") == [str(year) for year in range(1979, 1994)]
    for round in extract.rounds("CPSOCC70"):
        reference = extract.reference("CPSOCC70", round) or ""
        codes = extract.values.select(answers(reference)).to_series().drop_nulls()
        groups = extract.variables[reference].frequencies
        inside = [int(codes.is_between(group.first, group.last).sum()) for group in groups]
        assert all(found <= group.people for found, group in zip(inside, groups, strict=True))
        assert len(codes) - sum(inside) <= 1  # a code or two of the cohort stand in no group
        missing = dict(extract.variables[reference].missing)
        assert all(int((extract.values[reference] == code).sum()) <= people for code, people in missing.items())


def test_a_part_of_the_cohort_from_1979_to_2014() -> None:
    panel = import_nlsy79(_files("original-8.csv.gz", "original.cdb.gz"))
    rounds = [*range(1979, 1994), *range(2002, 2015, 2)]
    assert panel.provenance.rows_in == 686 * len(rounds)
    assert sorted(set(panel.records["year"])) == rounds
    assert panel.provenance.notes["codes mapped"] == "494 of 496, in 6,793 rows"


def test_all_people_have_134_597_codes_and_nearly_all_are_mapped() -> None:
    extract = _all_extract()
    columns = [extract.reference("CPSOCC80", round) or "" for round in extract.rounds("CPSOCC80")]
    codes = pl.concat([extract.values.select(answers(column).alias("code")) for column in columns])["code"].drop_nulls()
    assert len(codes) == 134_597
    crosswalk = load_crosswalk("census1980")
    mapped = sum(crosswalk(str(code)) is not None for code in codes)
    assert round(mapped / len(codes), 3) == 0.999


def test_the_panel_of_all_people_accounts_for_every_round() -> None:
    panel = _all_panel()
    left_out = panel.provenance.left_out
    assert panel.provenance.rows_in == 12_686 * 16
    assert panel.provenance.rows_in - left_out["not interviewed"] == 160_956
    assert (len(panel), panel.workers) == (160_318, 12_565)


def test_it_agrees_with_the_person_year_file() -> None:
    """nlsy79.dta was made from these files by other code. It fills a missing grade with the last one known, has no
    state for people without a recode, among them all of the round of 2000; the mapping leaves the armed forces out."""
    table = import_table(_files("nlsy79.dta")[0], ROOT / "examples" / "nlsy79.yaml", split_by="worker")
    ours = _all_panel()
    both = ours.records.join(table.records, on=["worker", "year"], suffix="_table")
    assert both.height == len(table)
    for column in ("occupation", "gender", "ethnicity", "region", "birth_year", "split"):
        assert both[column].equals(both[f"{column}_table"].alias(column)), column
    differs = both.filter(pl.col("education").ne_missing(pl.col("education_table")))
    assert differs["education"].null_count() == differs.height == 640
    others = ours.records.join(table.records, on=["worker", "year"], how="anti")
    military, last_round = (others["occupation"] == "905"), (others["year"] == 2000)
    assert (military & ~last_round).sum() == table.provenance.left_out["armed forces"]
    assert others.filter(~military & ~last_round)["occupation"].to_list() == ["not_working"] * 2


def test_the_shipped_list_is_that_of_the_documents() -> None:
    shipped = load_shipped_list("nlsy79")
    documents = [_part_extract().variables, _all_extract().variables]
    documented = {reference: variable for variables in documents for reference, variable in variables.items()}
    from_codebooks = {number for number, source in shipped.sources.items() if source == "codebook"}
    assert from_codebooks - set(documented) == {"R4193700"}  # CPSOCC80 of 1993, which the text on R4182100 names
    for reference in from_codebooks - {"R4193700"}:
        variable = documented[reference]
        known = shipped.variables[reference]
        assert (variable.question, variable.round) == (known.question, known.round)
