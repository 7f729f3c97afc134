"""Columns are found by their names whatever case they are in, from every kind of file; what could be two is refused."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import polars as pl
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import SourceError, TaxonomyError
from laborllm.occupations.coding.corrections import read_corrections
from laborllm.occupations.own_file import column_name
from laborllm.sources import import_table
from laborllm.sources.formats.headers import find_columns
from laborllm.sources.people.columns import as_polars, person_columns
from laborllm.sources.resumes.import_resumes import read_source

TURKISH = "WORKER,START,END,T\u0130TLE,B\u0130RTH YEAR"
NAMES = st.sampled_from(["worker", "birth_year", "Titel der Stelle", "a\u00f1o", "stra\u00dfe", "m\u00e9tier"])


@given(name=NAMES, change=st.sampled_from([str.upper, str.lower, str.title, str.casefold, " {} ".format]))
def test_a_name_in_any_case_is_one_name(name: str, change: Callable[[str], str]) -> None:
    assert column_name(change(name)) == column_name(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("T\u0130TLE", "title"),
        ("b\u0131rth-year", "Birth Year"),
        ("an\u0303o", "A\u00d1O"),
    ],
)
def test_keyboards_and_forms_of_unicode(one: str, other: str) -> None:
    assert column_name(one) == column_name(other)


@pytest.mark.parametrize(("one", "other"), [("a\u00f1o", "ano"), ("p1", "p_1"), ("a+", "a-"), ("", "_")])
def test_other_names_stay_apart(one: str, other: str) -> None:
    assert column_name(one) != column_name(other)


def test_the_very_name_comes_first_and_what_could_be_two_is_refused() -> None:
    assert find_columns("t", ["id"], ["ID", "id"]) == {"id": "id"}
    assert find_columns("t", ["id"], ["ID"], ["sex", "age"]) == {"id": "ID"}
    with pytest.raises(SourceError, match=r"^t: 'ID' and 'Id' could each be the column 'id': rename or remove one$"):
        find_columns("t", ["id"], ["ID", "Id"])
    with pytest.raises(SourceError, match=r"^t has 2 columns named 'ID': rename or remove one$"):
        find_columns("t", ["id"], ["ID", "ID"])
    with pytest.raises(SourceError, match=r"^t has no column 'id'; its columns are x, ids$"):
        find_columns("t", ["id"], ["x", "ids"])


@pytest.mark.parametrize("header", ["WORKER,START,END,TITLE,BIRTH_YEAR", "Worker,Start,End,Title,Birth year", TURKISH])
def test_a_list_of_jobs_with_names_in_capitals(header: str, tmp_path: Path) -> None:
    row = "Ada,2015,2016,Registered nurse,1980"
    (tmp_path / "jobs.csv").write_text(f"{header}\n{row}\n", "utf-8")
    frame = pl.DataFrame([row.split(",")], schema=header.split(","), orient="row")
    frame.write_parquet(tmp_path / "jobs.parquet")
    for path in (tmp_path / "jobs.csv", tmp_path / "jobs.parquet"):
        jobs = read_source(path).rows.select("worker", "start", "end", "title", "birth_year").collect()
        assert jobs.rows() == [("Ada", "2015", "2016", "Registered nurse", "1980")]
        assert person_columns(path, None)["worker"].to_list() == ["Ada"]  # type: ignore[index]
    for people in (frame, pd.DataFrame(frame.to_dict(as_series=False))):
        assert as_polars(people).columns == ["worker", "start", "end", "title", "birth_year"]


@pytest.mark.parametrize("ending", ["csv", "parquet", "dta", "sav"])
def test_a_mapping_finds_columns_in_any_case(ending: str, tmp_path: Path) -> None:
    table, path = pd.DataFrame({"ID": [1, 2], "Year": [2010, 2011], "OCC": [2, 3]}), tmp_path / f"t.{ending}"
    write: dict[str, Callable[[], object]] = {
        "csv": partial(table.to_csv, path, index=False),
        "parquet": partial(table.to_parquet, path),
        "dta": partial(table.to_stata, path, write_index=False, value_labels={"OCC": {2: "two", 3: "three"}}),
        "sav": partial(pyreadstat.write_sav, table, path),
    }
    write[ending]()
    mapping = tmp_path / "m.yaml"
    mapping.write_text("dataset: X\ntaxonomy: nlswork\nworker: id\nyear: YEAR\noccupation: occ\n")
    records = import_table(path, mapping).records
    assert records.select("worker", "year", "occupation").rows() == [("1", 2010, "2"), ("2", 2011, "3")]


def test_corrections_with_names_in_capitals(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("Title,CODE\nBarista,435\n")
    assert read_corrections(path) == {"Barista": "435"}
    path.write_text("Job,CODE\nBarista,435\n")
    with pytest.raises(TaxonomyError, match="must name the columns title and code"):
        read_corrections(path)
