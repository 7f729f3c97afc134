"""Forecasts as tables: what pandas and pyreadstat open again is what was forecast, under names that Stata allows."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.commands import laborllm
from laborllm.errors import CapacityError, OptionError
from laborllm.forecasting import stata
from laborllm.forecasting.export import Layout, long_table, probability_columns, wide_table, write_forecast
from laborllm.forecasting.table_files import convert_table
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Forecast
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel

pandas = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def numbered(panel: Panel) -> Panel:
    """The invented careers of workers 1 to 60, as a survey numbers them."""
    return replace(panel, records=panel.records.with_columns(pl.col("worker").str.strip_prefix("w")))


@pytest.fixture(scope="module")
def next_year(numbered: Panel) -> Forecast:
    return Transition().fit(numbered).forecast(numbered.open(years=[2005])).only_open()


def read(path: Path) -> Any:
    """With pandas."""
    readers = {".parquet": pandas.read_parquet, ".csv": pandas.read_csv, ".dta": pandas.read_stata}
    return readers[path.suffix](path)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".dta"])
@pytest.mark.parametrize("layout", ["long", "wide"])
def test_pandas_opens_what_was_written(
    layout: Layout, suffix: str, next_year: Forecast, numbered: Panel, tmp_path: Path
) -> None:
    path = tmp_path / f"next{suffix}"
    rows = write_forecast(next_year, numbered, path, layout=layout)
    found = read(path)
    workers, classes = len(next_year.records), len(numbered.taxonomy)
    assert len(found) == rows == workers * (classes if layout == "long" else 1)
    assert found["worker"].dtype.kind in "iu"  # in its own type: a number, so that other tables can be merged
    split = dict(numbered.records.select("worker", "split").unique().iter_rows())
    assert [split[str(worker)] for worker in found["worker"]] == list(found["split"])
    expected = np.exp(next_year.log_prob)
    if layout == "wide":
        given = found[[f"p_{code}" for code in numbered.taxonomy.codes]].to_numpy()
    else:
        row = {worker: at for at, worker in enumerate(next_year.records["worker"])}
        given = np.zeros_like(expected)
        column = [numbered.taxonomy.position[str(code)] for code in found["code"]]
        given[[row[str(worker)] for worker in found["worker"]], column] = found["probability"]
        titles = [numbered.taxonomy.title(str(code)) for code in found["code"]]
        assert titles == list(found["title"])
    np.testing.assert_allclose(given, expected, rtol=1e-5)


def test_stata_shows_titles_as_labels(next_year: Forecast, numbered: Panel, tmp_path: Path) -> None:
    write_forecast(next_year, numbered, tmp_path / "next.dta", layout="wide")
    _, metadata = pyreadstat.read_dta(str(tmp_path / "next.dta"), output_format="polars")
    labels = metadata.column_names_to_labels
    assert labels["p_5"] == "Registered nurses"
    assert labels["p_unemployed"] == numbered.taxonomy.title("unemployed")


def test_the_most_probable_come_first(next_year: Forecast, numbered: Panel) -> None:
    whole, top = long_table(next_year, numbered), long_table(next_year, numbered, top=2)
    assert top.equals(whole.filter(pl.int_range(pl.len()).over("worker") < 2))
    falls = top.select(pl.col("probability").diff().over("worker")).to_series().drop_nulls()
    assert (falls <= 0).all()


def test_workers_who_are_no_numbers_stay_text(panel: Panel) -> None:
    forecast = Transition().fit(panel).forecast(panel)
    assert wide_table(forecast, panel)["worker"].dtype == pl.String
    leading = replace(panel, records=panel.records.with_columns(pl.col("worker").str.replace("w", "0")))
    assert wide_table(Transition().fit(leading).forecast(leading), leading)["worker"].dtype == pl.String


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1), unique=True))
def test_names_are_what_stata_allows(codes: list[str]) -> None:
    occupations = [(f"{at}{code}" * 9, f"Title {at}", "") for at, code in enumerate(codes)] + [
        ("a-b", "A", ""),
        ("a b", "B", ""),
    ]
    names = probability_columns(Taxonomy.from_occupations("any", occupations))
    assert len(set(names)) == len(occupations)
    assert all(re.fullmatch(r"p_[A-Za-z0-9_]{0,30}", name) for name in names)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("next.pdf", {}, r"let it end in \.parquet, \.csv, \.dta"),
        ("next", {}, "does not say a format"),
        ("next.csv", {"layout": "tall"}, "use long, wide, people"),
        ("next.csv", {"top": 0}, "not 0 in long"),
        ("next.csv", {"layout": "wide", "top": 3}, "not 3 in wide"),
    ],
)
def test_what_cannot_be_written_is_refused(
    name: str, options: dict[str, Any], message: str, next_year: Forecast, numbered: Panel, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=message):
        write_forecast(next_year, numbered, tmp_path / name, **options)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def fitted(
    numbered: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A working directory with a panel and a run fitted on it."""
    monkeypatch.chdir(tmp_path)
    numbered.save(Path("panel.parquet"))
    assert laborllm("fit transition panel.parquet --out run") == 0
    capsys.readouterr()


@pytest.mark.usefixtures("fitted")
def test_the_command_writes_what_comes_next(
    next_year: Forecast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert laborllm("forecast run panel.parquet --year 2005 --top 3 --out tables/next.csv") == 0
    assert "tables/next.csv: 180 rows of 60 records, in the long layout" in capsys.readouterr().err
    assert laborllm("forecast run panel.parquet --year 2005 --out next.parquet") == 0
    np.testing.assert_array_equal(Forecast.load(Path("next.parquet")).log_prob, next_year.log_prob)
    assert laborllm("forecast run panel.parquet --out all.pdf") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["next.parquet", "panel.parquet", "run", "tables"]


def test_a_parquet_file_is_written_in_another_format_as_it_is(
    next_year: Forecast, numbered: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = long_table(next_year, numbered)
    table.write_parquet(tmp_path / "whole.parquet")
    for suffix in (".csv", ".dta"):
        convert_table(tmp_path / "whole.parquet", tmp_path / f"next{suffix}")
        assert read(tmp_path / f"next{suffix}")["probability"].to_list() == pytest.approx(
            table["probability"].to_list()
        )
    monkeypatch.setattr(stata, "ROWS", len(table) - 1)
    with pytest.raises(
        CapacityError, match=rf"holds {len(table) - 1:,} rows, not {len(table):,}: write a file \.parquet"
    ):
        convert_table(tmp_path / "whole.parquet", tmp_path / "many.dta")
    assert not (tmp_path / "many.dta").exists()
    assert (tmp_path / "whole.parquet").exists()


@pytest.mark.usefixtures("fitted")
@pytest.mark.parametrize(
    ("command", "kept"),
    [
        (
            "forecast run panel.parquet --year 2005",
            "next.dta.forecasts.parquet, a file of forecasts, which `laborllm eval",
        ),
        ("simulate run panel.parquet --years 2005 --draws 5", "next.dta.parquet, the same table as Parquet"),
    ],
)
def test_what_stays_where_stata_holds_no_such_table_is_said(
    command: str,
    kept: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(stata, "ROWS", 10)
    assert laborllm(f"{command} --out next.dta") == 2
    err = capsys.readouterr().err
    assert "Stata holds 10 rows, not" in err
    assert f"write a file .parquet: what was computed stays in {kept}" in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.glob("next*")] == [kept.split(",")[0]]
