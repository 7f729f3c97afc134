"""Tables written in portions: the files that they are when written at once, and in memory that does not grow."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm import import_synthetic
from laborllm.errors import CapacityError, InputError
from laborllm.forecasting import export, stata
from laborllm.forecasting.export import Layout, write_forecast, write_forecast_file
from laborllm.forecasting.stata import write_stata
from laborllm.forecasting.table_files import write_portions
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.store import ForecastFile
from laborllm.panel import Panel
from laborllm.panel.files.store import PanelFile

WRITTEN = len("<timestamp>") + 18  # a .dta file says when it was written, to the minute
CELLS = st.tuples(
    st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9),
    st.none() | st.integers(-(2**31) + 100, 2**31 - 100),
    st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.none() | st.booleans(),
)


def timeless(file: Path) -> bytes:
    """The bytes of a .dta file but for its time."""
    data = file.read_bytes()
    at = data.index(b"<timestamp>")
    return data[:at] + data[at + WRITTEN :]


@given(st.lists(CELLS, min_size=1, max_size=9), st.integers(1, 9))
def test_portions_are_the_file_of_the_whole(tmp_path_factory: pytest.TempPathFactory, rows: list, size: int) -> None:  # type: ignore[type-arg]
    folder = tmp_path_factory.mktemp("portions")
    kinds = {"text": pl.String, "number": pl.Int64, "share": pl.Float32, "known": pl.Boolean}
    table = pl.DataFrame(rows, schema=kinds, orient="row")
    pyreadstat.write_dta(table, str(folder / "whole.dta"), version=15, column_labels={"share": "A share"})
    assert write_stata(lambda: table.iter_slices(size), folder / "parts.dta", {"share": "A share"}) == len(table)
    assert timeless(folder / "parts.dta") == timeless(folder / "whole.dta")
    assert write_portions(lambda: table.iter_slices(size), folder / "parts.csv") == len(table)
    assert (folder / "parts.csv").read_text() == table.write_csv()
    assert write_portions(lambda: table.iter_slices(size), folder / "parts.parquet") == len(table)
    assert pl.read_parquet(folder / "parts.parquet").equals(table)


@pytest.mark.parametrize(
    ("worker", "kind"), [(stata.LONG, pl.Int32), (stata.LONG + 1, pl.Int64), (stata.WHOLE + 1, pl.String)]
)
def test_numbers_of_workers_are_kept_whichever_portion_has_the_largest(
    worker: int, kind: type[pl.DataType], tmp_path: Path
) -> None:
    table = pl.DataFrame({"worker": [7, 8, -worker]})
    pyreadstat.write_dta(table.cast(kind), str(tmp_path / "whole.dta"), version=15)
    write_stata(lambda: table.iter_slices(1), tmp_path / "parts.dta")
    assert timeless(tmp_path / "parts.dta") == timeless(tmp_path / "whole.dta")


def test_a_text_longer_than_a_row_is_refused(tmp_path: Path) -> None:
    table = pl.DataFrame({"title": ["short", "é" * 1023]})
    with pytest.raises(CapacityError, match=r"texts of 2,045 bytes, and column title has one of 2,046"):
        write_portions(lambda: table.iter_slices(1), tmp_path / "long.dta")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def numbered() -> Panel:
    """Workers who are numbered, in the order of their names, and at the end one who is not."""
    panel = import_synthetic(workers=40)
    names = {worker: str(100 + at) for at, worker in enumerate(panel.records["worker"].unique(maintain_order=True))}
    return replace(panel, records=panel.records.with_columns(pl.col("worker").replace(names | {[*names][-1]: "x"})))


@pytest.mark.parametrize("year", [None, 2031])
@pytest.mark.parametrize(("layout", "top"), [("long", None), ("long", 2), ("wide", None), ("people", 3)])
def test_a_file_of_forecasts_is_the_table_of_the_forecast(
    layout: Layout, top: int | None, year: int | None, numbered: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "RECORDS", 50)
    fitted = Transition().fit(numbered)
    numbered.save(tmp_path / "panel.parquet")
    for name, panel in (("some", numbered.subset("test")), ("all", numbered)):
        forecast = fitted.forecast(panel) if year is None else fitted.forecast(panel.open([year])).only_open()
        forecast.save(tmp_path / f"{name}.parquet")
        saved, careers = ForecastFile.open(tmp_path / f"{name}.parquet"), PanelFile.open(tmp_path / "panel.parquet")
        assert len(list(saved.portions(careers, export.RECORDS))) > 1
        for suffix in (".csv", ".dta"):
            whole, parts = tmp_path / f"whole{suffix}", tmp_path / f"parts{suffix}"
            rows = write_forecast(forecast, numbered, whole, layout=layout, top=top)
            assert write_forecast_file(saved, careers, parts, layout=layout, top=top) == rows
            assert timeless(parts) == timeless(whole) if suffix == ".dta" else parts.read_bytes() == whole.read_bytes()


def test_forecasts_of_others_are_refused(numbered: Panel, tmp_path: Path) -> None:
    Transition().fit(numbered).forecast(numbered).save(tmp_path / "all.parquet")
    numbered.subset("test").save(tmp_path / "some.parquet")
    saved, careers = ForecastFile.open(tmp_path / "all.parquet"), PanelFile.open(tmp_path / "some.parquet")
    with pytest.raises(InputError, match="forecast of other workers than the panel has"):
        write_forecast_file(saved, careers, tmp_path / "table.csv")
    assert not (tmp_path / "table.csv").exists()


MEASURED = """
import resource, sys
from pathlib import Path
from laborllm.forecasting.export import write_forecast_file
from laborllm.models.forecasts.store import ForecastFile
from laborllm.panel.files.store import PanelFile
few, many = (Path(folder) for folder in sys.argv[1:])
peaks = []
for folder in (few, few, many):
    for name in ("long.csv", "wide.dta"):
        saved, careers = (opened(folder / f"{kind}.parquet")
            for opened, kind in ((ForecastFile.open, "forecast"), (PanelFile.open, "panel")))
        write_forecast_file(saved, careers, folder / name, layout=name[:4])
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(*peaks)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_workers(tmp_path: Path) -> None:
    for name, workers in (("few", 60), ("many", 480)):
        panel = import_synthetic(workers=workers)
        folder = tmp_path / name
        folder.mkdir()
        panel.save(folder / "panel.parquet")
        Transition().fit(panel).forecast(panel).save(folder / "forecast.parquet")
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "few"), str(tmp_path / "many")]
    found = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "POLARS_MAX_THREADS": "1"}
    )
    _, few, many = map(float, found.stdout.split())
    size = (tmp_path / "many" / "long.csv").stat().st_size / 2**20
    assert many - few < size / 4, (few, many, size)  # megabytes: a quarter of what is written
