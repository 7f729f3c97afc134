"""Sessions that look ahead on the command line: files that pandas reads, and mistakes that leave nothing behind."""

import shutil
from pathlib import Path

import pandas
import polars as pl
import pytest

import laborllm as ll
from cli.commands import laborllm
from laborllm.panel import Panel

YEARS = "2031 2032"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A panel of invented careers and a run fitted on it."""
    made = tmp_path_factory.mktemp("ahead")
    panel = ll.import_synthetic(workers=100)
    panel.save(made / "panel.parquet")
    ll.fit("transition", panel, out=made / "run")
    return made


@pytest.fixture(autouse=True)
def panel(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Panel:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return ll.read_panel("panel.parquet")


@pytest.mark.parametrize("ending", ["csv", "parquet", "dta"])
def test_a_what_if_is_read_by_pandas(ending: str, panel: Panel) -> None:
    command = f"what-if run panel.parquet --years {YEARS} --last-occupation 95 --draws 10 --top 2"
    assert laborllm(f"{command} --out difference.{ending}") == 0
    read = {"csv": pandas.read_csv, "parquet": pandas.read_parquet, "dta": pandas.read_stata}[ending]
    found = read(f"difference.{ending}")
    assert len(found) == panel.workers * 2 * 2 * 3
    assert set(found["output_type"]) == {"mean", "quantile"}
    wide = found[found["output_type"] == "mean"]
    assert wide.groupby(["group", "year"]).size().eq(2).all()


def test_a_seed_repeats_a_session_and_another_does_not() -> None:
    tables = []
    for seed in (1, 1, 2):
        assert laborllm(f"simulate run panel.parquet --years {YEARS} --draws 20 --seed {seed} --out years.csv") == 0
        tables.append(pl.read_csv("years.csv", schema_overrides={"code": pl.String}))
        Path("years.csv").unlink()
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])
    first = pl.col("year") == 2031  # exact, whatever is drawn
    assert tables[0].filter(first)["probability"].equals(tables[2].filter(first)["probability"])


def test_groups_by_a_column_add_up_to_all(panel: Panel) -> None:
    command = f"group run panel.parquet --years {YEARS} --draws 20 --major"
    assert laborllm(f"{command} --out all.csv") == 0
    assert laborllm(f"{command} --by gender --out parts.csv") == 0
    keys = ["year", "title"]
    whole, parts = (
        pl.read_csv(name).filter(target="people", output_type="mean").group_by(keys).agg(pl.col("value").sum())
        for name in ("all.csv", "parts.csv")
    )
    joined = whole.join(parts, on=keys, validate="1:1")
    assert joined.height == whole.height == parts.height
    assert joined["value"].to_list() == pytest.approx(joined["value_right"].to_list(), abs=1e-4)
    assert whole.group_by("year").agg(pl.col("value").sum())["value"].to_list() == pytest.approx(
        [panel.workers] * 2, rel=1e-5
    )


def test_a_wide_forecast_has_a_column_for_each_occupation(panel: Panel) -> None:
    assert laborllm("forecast run panel.parquet --year 2031 --layout wide --out wide.csv") == 0
    assert laborllm("forecast run panel.parquet --year 2031 --top 2 --out long.csv") == 0
    wide, long = pandas.read_csv("wide.csv"), pandas.read_csv("long.csv", dtype={"code": str})
    columns = [name for name in wide.columns if name.startswith("p_")]
    assert len(columns) == len(panel.taxonomy)
    assert len(wide) == panel.workers
    assert wide[columns].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    largest = wide.set_index("worker")[columns].max(axis=1)
    first = long.groupby("worker")["probability"].max()
    assert first.to_numpy() == pytest.approx(largest.loc[first.index].to_numpy(), abs=1e-6)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("simulate nowhere panel.parquet --years 2031 --out x.csv", "nowhere"),
        ("simulate run nowhere.parquet --years 2031 --out x.csv", "nowhere.parquet"),
        ("simulate run panel.parquet --years 2031 --out x.xlsx", "let it end in .parquet, .csv, .dta"),
        ("simulate run panel.parquet --years 2031 --top 0 --out x.csv", "0"),
        ("forecast run panel.parquet --year 1900 --out x.csv", "1900"),
        ("forecast run panel.parquet --year 2031 --layout wide --top 3 --out x.csv", "wide"),
        ("group run panel.parquet --years 2031 --draws 0 --out x.csv", "at least 1"),
        (
            "what-if run panel.parquet --years 2031 --last-occupation 95 --out-of-work --out x.csv",
            "are two what-ifs",
        ),
        ("backtest run panel.parquet --origins 2009 --draws 0 --out x.csv", "at least 1"),
        ("backtest run panel.parquet --origins 2009 --rates x.html --draws 5", "let it end in .parquet, .csv, .dta"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    command: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in Path().iterdir())
    assert laborllm(command) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("laborllm: ")]
    assert len(error) == 1
    assert message in error[0]
    assert sorted(path.name for path in Path().iterdir()) == before
