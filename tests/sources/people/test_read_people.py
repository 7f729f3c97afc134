"""People by every way one has them: the same careers, whatever the form."""

import json
from datetime import date
from pathlib import Path

import pandas
import polars as pl
import pytest

import laborllm as ll
from laborllm.errors import OptionError, PanelError, SourceError
from laborllm.occupations.coding import TitleCoder, load_coder
from laborllm.panel import Panel
from laborllm.sources.people import PeopleOptions, read_people

JOBS = pl.DataFrame(
    {
        "worker": ["Ada", "Ada", "Ben", "Cleo"],
        "start": ["2012-03", "July 2018", "2010", "2019"],
        "end": ["2018-06", None, "2016", "2020"],
        "title": ["Cashier", "Bookkeeper", "Line cook", "Frobnicator of zorbs"],
        "gender": ["female", "female", None, None],
    }
)
THIRTY = Path(__file__).parents[3] / "examples" / "displaced.csv"


@pytest.fixture(scope="module")
def coder() -> TitleCoder:
    return load_coder()


def occupations(panel: Panel, worker: str) -> dict[int, str]:
    records = panel.records.filter(worker=worker)
    return dict(zip(records["year"], [panel.taxonomy.title(code) for code in records["occupation"]], strict=True))


def in_form(form: str, folder: Path) -> object:
    if form == "polars":
        return JOBS
    if form == "pandas":
        return pandas.DataFrame(JOBS.to_dict(as_series=False))
    path = folder / f"jobs.{form}"
    JOBS.write_csv(path) if form == "csv" else JOBS.write_parquet(path)
    return path if form == "csv" else str(path)


@pytest.mark.parametrize("form", ["polars", "pandas", "csv", "parquet"])
def test_a_list_of_jobs_is_the_same_in_any_form(form: str, tmp_path: Path, coder: TitleCoder) -> None:
    people = read_people(in_form(form, tmp_path), PeopleOptions(as_of="2020"), coder=coder)
    assert occupations(people.panel, "Ada") == {
        **dict.fromkeys(range(2012, 2018), "Cashiers"),
        **dict.fromkeys(range(2018, 2021), "Bookkeepers and accounting clerks"),
    }
    assert people.panel.records.filter(worker="Ada")["gender"].unique().to_list() == ["female"]
    assert people.panel.records.filter(worker="Ben")["gender"].unique().to_list() == [None]
    assert people.left_out == ("Cleo",)


def test_titles_come_with_their_confidence_and_a_correction_overrules(tmp_path: Path, coder: TitleCoder) -> None:
    first = read_people(JOBS, PeopleOptions(as_of="2020"), coder=coder).titles
    assert first.columns == ["title", "code", "occupation", "confidence", "match"]
    assert first["confidence"].is_sorted()
    assert first.row(0)[:2] == ("Frobnicator of zorbs", None)
    own = tmp_path / "own.csv"
    own.write_text("title,code\nfrobnicator of zorbs,95\n")
    corrected = read_people(JOBS, PeopleOptions(as_of="2020", corrections=own), coder=coder)
    assert occupations(corrected.panel, "Cleo") == dict.fromkeys((2019, 2020), "Registered nurses")
    assert corrected.titles.filter(title="Frobnicator of zorbs")["match"].to_list() == ["correction"]
    assert corrected.left_out == ()


@pytest.mark.parametrize("form", ["jobs", "codes"])
def test_covariates_are_in_the_words_of_the_panels(form: str, coder: TitleCoder) -> None:
    said = {"gender": ["F", "NA"], "ethnicity": ["Black", "n/a"], "region": ["Midwest", None]}
    jobs = {"start": ["2020", "2020"], "end": ["2020", "2020"], "title": ["Cashier", "Cashier"]}
    codes = {"year": [2020, 2020], "occupation": ["276", "276"], "education": ["HS", "none"]}
    people = pl.DataFrame({"worker": ["Ada", "Ben"], **said, **(jobs if form == "jobs" else codes)})
    records = read_people(people, PeopleOptions(as_of="2021"), coder=coder).panel.records
    assert records.select(*said).rows() == [
        ("female", "black or african american", "northcentral"),
        (None, None, None),
    ]
    assert records["education"].to_list() == ([None, None] if form == "jobs" else ["high school", "none"])


def test_resumes_become_careers(tmp_path: Path, coder: TitleCoder) -> None:
    work = [{"startDate": "2015-01", "endDate": "2019-12", "position": "Registered nurse"}]
    (tmp_path / "cleo.json").write_text(json.dumps({"work": work}))
    people = read_people(tmp_path, PeopleOptions(as_of="2024"), coder=coder)
    assert occupations(people.panel, "cleo") == dict.fromkeys(range(2015, 2020), "Registered nurses")
    assert people.titles["title"].to_list() == ["Registered nurse"]


def test_a_panel_is_taken_as_it_is(panel: Panel, tmp_path: Path) -> None:
    panel.save(tmp_path / "panel.parquet")
    for given in (panel, tmp_path / "panel.parquet", str(tmp_path / "panel.parquet")):
        people = read_people(given)
        assert people.panel.records.equals(panel.records)
        assert people.titles.is_empty()


def test_a_frame_of_codes_is_a_panel() -> None:
    frame = pl.DataFrame({"worker": [1, 1], "year": [2020, 2021], "occupation": ["95", "unemployed"]})
    assert occupations(read_people(frame).panel, "1") == {2020: "Registered nurses", 2021: "Unemployed"}
    with pytest.raises(PanelError, match="not in taxonomy"):
        read_people(frame.with_columns(occupation=pl.lit("x")))


def test_who_lost_the_job_is_unemployed_since(tmp_path: Path, coder: TitleCoder) -> None:
    everyone = read_people(JOBS.head(3), PeopleOptions(as_of="2020", out_of_work_since=2019), coder=coder).panel
    assert list(occupations(everyone, "Ada").items())[-3:] == [
        (2018, "Bookkeepers and accounting clerks"),
        (2019, "Unemployed"),
        (2020, "Unemployed"),
    ]
    assert occupations(everyone, "Ben")[2017 + 2] == "Unemployed"
    by_person = JOBS.head(3).with_columns(out_of_work_since=pl.Series(["May 2020", "May 2020", None]))
    some = read_people(by_person, PeopleOptions(as_of="2020-08"), coder=coder).panel
    assert occupations(some, "Ada")[2020] == "Unemployed"
    assert "Unemployed" not in occupations(some, "Ben").values()
    assert some.records.filter(worker="Ada")["gender"].unique().to_list() == ["female"]


def test_thirty_invented_people_are_read_with_all_their_titles(coder: TitleCoder) -> None:
    people = read_people(THIRTY, PeopleOptions(as_of="2025-06"), coder=coder)
    assert people.panel.workers == 30
    assert people.left_out == ()
    last = people.panel.records.group_by("worker").last()
    assert last.select("year", "occupation").unique().rows() == [(2025, "unemployed")]
    assert "Person" not in repr(people)


@pytest.mark.parametrize(
    ("people", "options", "message"),
    [
        (3, {}, "cannot be read from int"),
        ("nowhere.csv", {}, "no file at nowhere.csv"),
        (JOBS.drop("start"), {}, "has no column 'start'"),
        (JOBS.tail(1), {"as_of": "2021"}, "title uncoded"),
        (JOBS, {"as_of": "soon"}, "'soon' is not a date"),
        (JOBS, {"as_of": "2020", "out_of_work_since": 2021}, "after the list was true"),
        (JOBS, {"as_of": "2020", "out_of_work_since": 2000}, "2 people lost a job before their first one"),
        (JOBS.with_columns(out_of_work_since=pl.lit("later")), {"as_of": "2020"}, "not for the person of row 1"),
        (JOBS.with_columns(gender=pl.Series(["a", "b", "a", "a"])), {"as_of": "2020"}, "gender differs"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    people: object, options: dict[str, object], message: str, coder: TitleCoder
) -> None:
    with pytest.raises(SourceError, match=message) as error:
        read_people(people, PeopleOptions(**options), coder=coder)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_options_are_taken_as_they_are_written_or_refused() -> None:
    assert PeopleOptions(as_of=2025).as_of == "2025"  # type: ignore[arg-type]
    assert PeopleOptions(as_of=date(2025, 6, 1)).as_of == "2025-06-01"  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="out_of_work_since is a year, such as 2025, not '2025'"):
        PeopleOptions(out_of_work_since="2025")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="a panel says itself who is out of work"):
        read_people(ll.import_synthetic(workers=50), PeopleOptions(out_of_work_since=2025))


def test_the_front_door_has_it() -> None:
    assert ll.read_people is read_people


def test_a_list_that_says_who_is_out_of_work(tmp_path: Path) -> None:
    """Unemployed in place of a title is a state of that year, shown among the titles as sure."""
    jobs = pl.DataFrame({"worker": ["a", "a"], "start": ["2019", "2021"], "end": ["2020", "2022"]})
    jobs = jobs.with_columns(title=pl.Series(["Registered nurse", "Laid off"]))
    people = read_people(jobs, PeopleOptions(as_of="2022"))
    assert people.panel.records["occupation"].to_list() == ["95", "95", "unemployed", "unemployed"]
    assert people.titles.filter(title="Laid off").select("code", "occupation", "confidence", "match").rows() == [
        ("unemployed", "Unemployed", 1.0, "state")
    ]
