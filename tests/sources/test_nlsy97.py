"""NLSY97 from the raw extract: invented lives against plain loops, mistakes and torn files, and the real cohort."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laborllm.errors import LaborLLMError, SourceError
from laborllm.occupations import load_crosswalk
from laborllm.panel import Panel
from laborllm.sources import import_nlsy97
from laborllm.sources.nls.investigator import KEY, Extract, answers, read_extract
from laborllm.sources.nls.nlsy97 import tagset
from laborllm.sources.nls.nlsy97.people import LEVELS, read_people
from laborllm.sources.nls.nlsy97.questions import questions
from sources import invented
from sources.invented import Column
from sources.invented_nlsy97 import ROUNDS, Person, columns, expected, main_wage, people

REAL = Path(__file__).parents[3] / "shared" / "data" / "nlsy97"

Change = Callable[[Column], Column | None]  # None takes the column away


def _import(folder: Path, lives: list[Person], change: Change = lambda column: column) -> Panel:
    changed = [found for column in columns(lives) if (found := change(column)) is not None]
    files = {"own.csv": invented.data(changed), "own.cdb": invented.codebook(changed)}
    return import_nlsy97(invented.write(folder, files))


@pytest.mark.parametrize("seed", range(4))
def test_every_person_and_round_is_a_record_or_counted(seed: int, tmp_path: Path) -> None:
    lives = people(seed)
    panel = _import(tmp_path, lives)
    fates = expected(lives)
    records = {
        (worker, year): code for worker, year, code in panel.records.select("worker", "year", "occupation").iter_rows()
    }
    assert records == {cell: fate for cell, fate in fates.items() if not fate.startswith("(")}
    assert panel.provenance.left_out == Counter(fate[1:-1] for fate in fates.values() if fate.startswith("("))
    assert panel.provenance.rows_in == len(lives) * len(ROUNDS) == len(panel) + sum(panel.provenance.left_out.values())
    assert {"unemployed", "not_in_labor_force", "in_education", "276"} <= set(records.values())


def test_covariates(tmp_path: Path) -> None:
    lives = people(0)
    panel = _import(tmp_path, lives)
    assert (panel.dataset, panel.weight_kind) == ("NLSY97", "sampling")
    found = {(row["worker"], row["year"]): row for row in panel.records.iter_rows(named=True)}
    regions = {1: "northeast", 2: "northcentral", 3: "south", 4: "west"}
    for person in lives:
        reached = -1
        for year, said in sorted(person.interviews.items()):
            degree = {0: 0, 1: 1, 2: 1, 3: 2, 4: 3, 5: 4}.get(said["degree"], -1)
            enrolment = {1: 0, 3: 1, 4: 2, 6: 3, 8: 0, 9: 2, 11: 3}.get(said["enrolment"], -1)
            reached = max(reached, degree, enrolment)
            if row := found.get((str(person.number), year)):
                assert row["education"] == (LEVELS[reached] if reached >= 0 else None)
                assert row["region"] == regions.get(said["region"])
                assert row["weight"] == pytest.approx(said["weight"] / 100)
                assert (row["gender"], row["birth_year"]) == ({1: "male", 2: "female"}[person.sex], person.birth_year)
                assert row["ethnicity"] == _ethnicity(person)
                place = (person.household, 1 + person.number % 3, 1 + person.number % 2)
                assert (row["household"], row["stratum"], row["psu"]) == place
                assert row["wage"] == pytest.approx(main_wage(person, year))


def _ethnicity(person: Person) -> str:
    if person.ethnicity == 4:
        return {3: "other", 4: "asian or pacific islander", 5: "other"}.get(person.race, "white")
    return {1: "black or african american", 2: "hispanic", 3: "other"}[person.ethnicity]


def test_notes_tell_what_was_done_with_codes_and_dates(tmp_path: Path) -> None:
    notes = _import(tmp_path, people(1)).provenance.notes
    assert notes["crosswalk"] == "census2002 to occ1990dd (Census 2002 occupation codes, 4 digits)"
    assert notes["codes mapped"].startswith("3 of 4, in ")
    assert notes["codes not in taxonomy"].startswith("8888 (")
    assert notes["survey rounds"] == "3, 2000 to 2003"
    assert notes["jobs with impossible dates, not used"] == "0"


def test_a_slip_in_a_date_is_noted(tmp_path: Path) -> None:
    lives = people(2, count=400)
    job = next(person for person in lives if person.listed(2000)).listed(2000)[0]
    slipped = replace(job, start=(job.stop[0] + 1, 1))
    for person in lives:
        person.jobs = [slipped if each is job else each for each in person.jobs]
    notes = _import(tmp_path, lives).provenance.notes
    assert int(notes["jobs with impossible dates, not used"]) >= 1


def without(*names: str) -> Change:
    return lambda column: None if column.question in names else column


def answering(question: str, answer: int) -> Change:
    """Everyone who answers says the same."""
    return lambda column: (
        replace(column, answers=[answer if each >= 0 else each for each in column.answers])
        if column.question == question
        else column
    )


def test_questions_that_may_be_missing(tmp_path: Path) -> None:
    optional = [
        name for question in questions().values() if not question.needed for name in question.named(2000, job=1)
    ]
    panel = _import(tmp_path, people(0), without(*optional, "CV_HIGHEST_DEGREE_EVER"))
    assert (panel.weight_kind, panel.records["weight"].null_count()) == ("none", len(panel))
    assert "asian or pacific islander" not in panel.records["ethnicity"]


def called(question: str, name: str) -> Change:
    return lambda column: replace(column, question=name) if column.question == question else column


def rounds_only(*rounds: str) -> Change:
    return lambda column: column if column.round in rounds else None


def in_code(code: int) -> Change:
    return lambda column: answering(column.question, code)(column) if "OCCODE" in column.question else column


STOP, WEEK = "YEMP_STOPDATE.01~Y", "EMP_STATUS_2003.07"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("KEY!SEX"), "lacks KEY!SEX of 1997"),
        (without(STOP, WEEK), rf"lacks {STOP} of 2000, {STOP} of 2001, {STOP} of 2003 and 1 more"),
        (answering(STOP, 1990), r"\d+ of \d+ jobs stop before they start, one of them listed as number 1 in 2000"),
        (answering("YEMP_STARTDATE.01~Y", 1970), r"\d+ of \d+ jobs start before the worker is born"),
        (in_code(3), r"none of the 1 occupation codes is in crosswalk census2002"),
        (called("PUBID", "CASEID"), "of another survey: it numbers people by CASEID, the NLSY97 by PUBID"),
        (rounds_only("1997", "XRND"), "the extract has no question of any survey round"),
    ],
)
def test_mistakes(change: Change, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        _import(tmp_path, people(0), change)
    assert "\n" not in str(caught.value)


def test_answers_with_decimals(tmp_path: Path) -> None:
    found = columns(people(0, count=3))
    place = next(number for number, column in enumerate(found) if column.question == "EMP_STATUS_2001.07")
    head, first, *lines = invented.data(found).split("\n")
    cells = first.split(",")
    text = "\n".join([head, ",".join([*cells[:place], "4.5", *cells[place + 1 :]]), *lines])
    files = invented.write(tmp_path, {"own.csv": text, "own.sdf": invented.variable_list(found)})
    with pytest.raises(SourceError, match=r"EMP_STATUS_2001\.07 \(S\d+\) has decimals, in 1 row: download it again"):
        import_nlsy97(files)


def test_data_without_a_codebook(tmp_path: Path) -> None:
    files = invented.write(tmp_path, {"own.csv": invented.data(columns(people(0, count=3)))})
    with pytest.raises(SourceError, match=r"no document says which question a column is: give the codebook \(.cdb\)"):
        import_nlsy97(files)


SMALL = columns(people(0, count=12))
ANSWERS = [-5, -1, 0, 1, 13, 99, 1979, 4720, 9840, 10**9]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    st.dictionaries(st.integers(1, len(SMALL) - 1), st.sampled_from(ANSWERS), max_size=30),
    st.sets(st.integers(0, len(SMALL) - 1), max_size=2),
)
def test_whatever_the_answers_it_is_a_panel_or_an_error(tmp_path: Path, same: dict[int, int], gone: set[int]) -> None:
    everyone = {at: [answer] * 12 for at, answer in same.items()}
    kept = [replace(each, answers=everyone.get(at, each.answers)) for at, each in enumerate(SMALL) if at not in gone]
    files = invented.write(tmp_path, {"own.csv": invented.data(kept), "own.cdb": invented.codebook(kept)})
    with suppress(LaborLLMError):
        panel = import_nlsy97(files)
        assert panel.provenance.rows_in == len(panel) + sum(panel.provenance.left_out.values())


def test_a_tagset_holds_what_the_import_reads(tmp_path: Path) -> None:
    others = [
        Column("T9999900", "CV_INCOME_FAMILY", "2000", [1]),
        Column("T9999901", "EMP_STATUS_2002.01", "XRND", [1]),
    ]
    [codebook] = invented.write(tmp_path, {"all.cdb": invented.codebook([*SMALL, *others])})
    assert tagset(codebook).splitlines() == [column.reference for column in SMALL]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("own.csv", invented.data(SMALL), "own.csv is no codebook: give the .cdb or .sdf file"),
        (
            "own.cdb",
            invented.codebook(SMALL[:3]),
            "own.cdb is no codebook of the NLSY97: it has no question",
        ),
    ],
)
def test_a_tagset_needs_a_codebook(name: str, text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        tagset(*invented.write(tmp_path, {name: text}))


@pytest.fixture(scope="module")
def extract() -> Extract:
    """The raw extract of the real cohort, which has a few of the questions."""
    if not (REAL / "nlsy97.csv.gz").is_file():
        pytest.skip("the raw extract is not here")
    return read_extract([REAL / "nlsy97.csv.gz", REAL / "nlsy97_codebook.txt.gz"])


@pytest.fixture(scope="module")
def person_years(extract: Extract) -> pl.DataFrame:
    """The person-year file, labels as text, made from the same survey by others; all who are in the extract too."""
    raw, about = pyreadstat.read_dta(str(REAL / "nlsy97.dta"), output_format="polars")
    words = {name: about.variable_value_labels[name] for name in ("sex", "ethnicity")}
    return raw.with_columns(
        pl.col(name).replace_strict(labels, return_dtype=pl.String) for name, labels in words.items()
    ).join(extract.values.select(pl.col(KEY).alias("id")), on="id", how="semi")


def test_real_people_are_those_of_the_person_year_file(extract: Extract, person_years: pl.DataFrame) -> None:
    theirs = person_years.unique("id").rename({"id": "person"})
    both = read_people(extract).join(theirs, on="person", suffix="_there")
    assert both.height == theirs.height > 7000
    assert (both["birth_year"] == both["birth_year_there"]).all()
    assert (both["gender"] == both["sex"]).all()
    apart = both.filter(pl.col("ethnicity").is_in(["hispanic", "black or african american"]))
    assert (apart["ethnicity"] == apart["ethnicity_there"]).mean() > 0.999  # type: ignore[operator]


def test_real_occupations_of_2017_are_those_of_the_person_year_file(
    extract: Extract, person_years: pl.DataFrame
) -> None:
    """The extract has the most recent job of 2017, the file the main one: most have one job, and each its own code."""
    column = questions()["occupation"].column(extract, 2017, job=1)
    assert column == "U1719400"
    codes = {name: load_crosswalk(name).pairs for name in ("census2002", "census2010")}
    ours = extract.values.select(id=KEY, ours=answers(column).cast(pl.String))
    theirs = person_years.filter(pl.col("year") == 2017).select("id", pl.col("occ2010").cast(pl.Int64).cast(pl.String))
    both = ours.join(theirs, on="id").select(
        pl.col("ours").replace_strict(codes["census2002"], default=None),
        pl.col("occ2010").replace_strict(codes["census2010"], default=None),
    )
    both = both.drop_nulls()
    assert both.height > 4500
    assert (both["ours"] == both["occ2010"]).mean() > 0.9  # type: ignore[operator]
