"""Careers that end out of work, year by year in a loop; and what a list says of each person."""

from pathlib import Path

import pandas
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.errors import SourceError
from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel, Provenance, assign_split
from laborllm.sources.people.columns import as_polars, of_persons, person_columns, require_jobs
from laborllm.sources.people.out_of_work import OUT_OF_WORK, out_of_work, until_out

END = 2022
TAXONOMY = load_taxonomy("occ1990dd").with_states(("unemployed",))
CAREER = st.sets(st.integers(2010, END), min_size=1, max_size=8)


def panel_of(careers: dict[str, set[int]]) -> Panel:
    """Cooks and nurses by turns, in the years given."""
    rows = [
        {"worker": worker, "year": year, "occupation": ("436", "95")[year % 2], "gender": "female"}
        for worker, years in careers.items()
        for year in sorted(years)
    ]
    return Panel(assign_split(pl.DataFrame(rows)), TAXONOMY, "INVENTED", Provenance("invented"))


@settings(max_examples=30, deadline=None)
@given(st.lists(CAREER, min_size=1, max_size=5), st.data())
def test_years_from_the_loss_on_are_without_work(careers: list[set[int]], data: st.DataObject) -> None:
    panel = panel_of({f"w{at}": years for at, years in enumerate(careers)})
    lost = {
        f"w{at}": data.draw(st.none() | st.integers(min(years) + 1, END)) if min(years) < END else None
        for at, years in enumerate(careers)
    }
    out = pl.DataFrame(
        {"worker": list(lost), "since": list(lost.values())}, schema={"worker": pl.String, "since": pl.Int32}
    ).drop_nulls()
    found = until_out(panel, out, END)
    for at, years in enumerate(careers):
        since = lost[f"w{at}"]
        expected = {year: ("436", "95")[year % 2] for year in years if since is None or year < since}
        if since is not None:
            expected |= dict.fromkeys(range(since, END + 1), OUT_OF_WORK)
        records = found.records.filter(worker=f"w{at}")
        assert dict(records.select("year", "occupation").iter_rows()) == expected
        assert records["gender"].unique().to_list() == ["female"]


def test_a_job_cannot_be_lost_before_the_first_or_after_the_list() -> None:
    panel = panel_of({"Ada": {2015, 2016}, "Ben": {2010}})
    late = pl.DataFrame({"worker": ["Ada"], "since": [END + 1]})
    with pytest.raises(SourceError, match="people lost a job after the list was true"):
        until_out(panel, late, END)
    early = pl.DataFrame({"worker": ["Ada", "Ben"], "since": [2015, 2011]})
    with pytest.raises(SourceError, match="1 people lost a job before their first one"):
        until_out(panel, early, END)


def test_somebody_who_is_not_in_the_panel_loses_nothing() -> None:
    panel = panel_of({"Ada": {2015, 2016}})
    out = pl.DataFrame({"worker": ["Ada", "Cleo"], "since": [2017, 2017]})
    assert set(until_out(panel, out, END).records["worker"]) == {"Ada"}


@pytest.mark.parametrize(
    ("written", "year"), [("2019", 2019), ("May 2019", 2019), ("2019-05-31", 2019), ("31.5.2019", 2019)]
)
def test_a_loss_is_written_as_any_date(written: str, year: int) -> None:
    panel = panel_of({"Ada": {2015}})
    frame = pl.DataFrame({"worker": ["Ada", "Ben"], "out_of_work_since": [written, None]})
    assert out_of_work(frame, panel, None, None).rows() == [("Ada", year)]
    assert out_of_work(frame, panel, 2021, None).rows() == [("Ada", 2021)]
    assert out_of_work(None, panel, None, None).is_empty()


def test_a_loss_that_is_no_date_is_refused() -> None:
    frame = pl.DataFrame({"worker": ["Ada"], "out_of_work_since": ["last spring"]})
    with pytest.raises(SourceError, match="is to be a year or a date, and is not for the person of row "):
        out_of_work(frame, panel_of({"Ada": {2015}}), None, None)


def test_one_value_of_each_person() -> None:
    frame = pl.DataFrame(
        {"worker": ["Ada", " Ada", "Ben", "Cleo", "Cleo"], "region": ["west ", "west", "", None, "south"]}
    )
    assert of_persons(frame, "region").rows() == [("Ada", "west"), ("Cleo", "south")]
    assert of_persons(frame, "gender").is_empty()
    assert of_persons(None, "region").is_empty()
    with pytest.raises(SourceError, match=r"^row \d+: region differs between rows of one person; 2 rows in all$"):
        of_persons(frame.with_columns(region=pl.Series(["west", "south", "", None, "south"])), "region")


def test_frames_of_pandas_and_polars_are_one() -> None:
    ours = pl.DataFrame({"worker": ["a", "b"], "start": ["2015", None], "year": [2015.0, None]})
    theirs = pandas.DataFrame(ours.to_dict(as_series=False))
    assert as_polars(theirs).equals(as_polars(ours), null_equal=True)
    assert as_polars(ours.lazy()).equals(as_polars(ours), null_equal=True)
    for wrong in (3, ["Ada"], {"worker": ["Ada"]}):
        with pytest.raises(SourceError, match=f"cannot be read from {type(wrong).__name__}"):
            as_polars(wrong)


@pytest.mark.parametrize("missing", ["worker", "start", "end", "title"])
def test_the_column_that_is_missing_is_named(missing: str) -> None:
    whole = pl.DataFrame({name: ["x"] for name in ("worker", "start", "end", "title")})
    assert require_jobs(whole) is whole
    with pytest.raises(SourceError, match=f"has no column '{missing}'"):
        require_jobs(whole.drop(missing))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_columns_of_a_file_are_those_written(ending: str, tmp_path: Path) -> None:
    frame = pl.DataFrame({"worker": ["Ada"], "start": ["2015"], "end": ["2019"], "title": ["Cook"], "region": ["west"]})
    path = tmp_path / f"jobs.{ending}"
    frame.write_csv(path) if ending == "csv" else frame.write_parquet(path)
    found = person_columns(path, None)
    assert found is not None
    assert of_persons(found, "region").rows() == [("Ada", "west")]
    with pytest.raises(SourceError, match="no file at"):
        person_columns(tmp_path / f"other.{ending}", None)


def test_a_file_that_is_no_table_is_left_to_the_import(tmp_path: Path) -> None:
    path = tmp_path / "jobs.parquet"
    path.write_bytes(b"PAR1 and nothing else")
    assert person_columns(path, None) is None
