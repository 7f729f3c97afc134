"""From a list of people to a table, a chart and a page on the command line; what cannot be is one line."""

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyreadstat
import pytest

import laborllm as ll
from cli.commands import laborllm
from laborllm.forecasting.hub import COLUMNS, hub_shares
from laborllm.forecasting.summaries import return_to_work
from laborllm.report.sentences import sentences

LIST = Path(__file__).parents[2] / "examples" / "displaced.csv"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people") / "run"
    ll.fit("transition", ll.import_synthetic(workers=300), out=folder)
    return folder


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_thirty_displaced_workers_with_one_command(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = f"group {run} {LIST} --as-of 2025-06 --years 2026 2028 2030 --draws 50"
    assert laborllm(f"{command} --out new/people.csv --page people.html --chart shares.svg --tables tables") == 0
    said = capsys.readouterr()
    assert re.match(r"2026: of 30 people \d+ at work \(\d+ to \d+ in 90 % of futures\); of 100, \d+ ", said.out)
    assert said.out.count("\n") == 3
    assert "30 people with" in said.err
    assert "titles coded, the least sure" in said.err
    written = pl.read_csv("new/people.csv", schema_overrides={"code": pl.String, "output_type_id": pl.String})
    assert tuple(written.columns) == COLUMNS
    people = ll.read_people(LIST, ll.PeopleOptions(as_of="2025-06")).panel
    paths = ll.simulate(ll.load(run), people, years=[2026, 2028, 2030], draws=50, seed=0)
    expected = hub_shares(ll.group_shares(paths), "transition", level=0.9)
    assert written["value"].to_list() == pytest.approx(expected["value"].to_list())
    spelled = {"schema_overrides": {"code": pl.String}}
    said_of_each = pl.read_csv("tables/natural_frequencies.csv", **spelled)  # type: ignore[arg-type]
    assert said_of_each["people"].to_list() == ll.natural_frequencies(paths)["people"].to_list()
    assert pl.read_csv("tables/return_to_work.csv").equals(return_to_work(paths), null_equal=True)
    names = {"natural_frequencies", "time_in_groups", "moves", "survival", "return_to_work"}
    assert {path.stem for path in Path("tables").glob("*.csv")} == names
    page = Path("people.html").read_text()
    assert page.count("<figure>") == 4
    assert "people</span>" in page
    assert not re.search(r"Person \d|https?://(?!www\.w3\.org)|<script", page)
    assert Path("shares.svg").read_text().startswith("<svg")


def test_every_chart_of_a_group_is_vector_graphics_or_a_picture(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("laborllm.api.people_futures", None)  # what a page needs is not computed for a chart
    ll.import_synthetic(workers=40, seed=1).save(Path("panel.parquet"))
    group = f"group {run} panel.parquet --draws 10 --years"
    for kind in ("shares", "counts", "flows", "careers"):
        assert laborllm(f"{group} 2031 2033 --chart {kind}.svg --chart-of {kind}") == 0
        assert Path(f"{kind}.svg").read_text().startswith("<svg")
    assert laborllm(f"{group} 2031 2033 --chart flows.png --chart-of flows") == 0
    assert Path("flows.png").read_bytes().startswith(b"\x89PNG")
    assert laborllm(f"{group} 2031 --chart alone.svg --chart-of careers") == 2
    assert "a chart of careers is of two years or more, not of 2031 alone" in capsys.readouterr().err
    assert not Path("alone.svg").exists()


def test_refits_a_sample_and_who_must_move_are_said(run: Path) -> None:
    ll.import_synthetic(workers=300).save(Path("panel.parquet"))
    assert laborllm("fit transition panel.parquet --resampled 1 --out refit") == 0
    command = f"group {run} {LIST} --as-of 2025-06 --years 2026 --draws 20 --must-move --sampled --refits refit"
    assert laborllm(f"{command} --page people.html") == 0
    page = Path("people.html").read_text()
    assert "draws, people, refits" in page
    assert "the next record is a move" in page
    assert page.count("<figure>") == 2  # one year has no flows and no careers


def test_a_group_for_each_value_of_a_column(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ll.import_synthetic(workers=60, seed=1).save(Path("panel.parquet"))
    assert laborllm(f"group {run} panel.parquet --years 2031 --by gender --draws 10 --out groups.dta") == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split(",")[0] for line in lines} == set(ll.read_panel("panel.parquet").records["gender"])
    stata, _ = pyreadstat.read_dta("groups.dta")
    assert set(stata["group"]) == {line.split(",")[0] for line in lines}


def test_what_if_without_a_file_prints_what_differs_most(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = f"what-if {run} {LIST} --as-of 2025-06 --years 2026 --draws 20 --top 2 --last-occupation 95"
    assert laborllm(command) == 0
    first, line = capsys.readouterr().out.splitlines()
    fitted, opened = ll.load(run), ll.read_people(LIST, ll.PeopleOptions(as_of="2025-06")).panel.open([2026])
    other = ll.if_records_said(opened, last_occupation="95")
    found = 100 * ll.what_if(fitted, opened, other, draws=20).probability[:, 0].mean(axis=0)
    largest = int(np.abs(found).argmax())
    assert first.startswith("of 100 people whose record says this, less of 100 as they are (")
    assert line.startswith(f"2026: {found[largest]:+.1f} (0.0) ")
    assert line.count(";") == 1


def test_a_what_if_takes_a_title_for_a_code(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = f"what-if {run} {LIST} --as-of 2025-06 --years 2026 --draws 5 --last-occupation"
    assert laborllm(f"{command} 95") == laborllm(f"{command} 'registered NURSES'") == 0
    by_code, by_title = capsys.readouterr().out.split("of 100 people")[1:]
    assert by_code == by_title
    assert laborllm(f"{command} 'registered magicians'") == 2
    assert "no occupation 'registered magicians': such as Registered nurses" in capsys.readouterr().err


def test_a_simulation_without_a_file_says_where_each_person_is(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = f"simulate {run} {LIST} --as-of 2025-06 --years 2026 2028 --draws 20 --top 2"
    before = set(Path().iterdir())
    assert laborllm(command) == 0
    said = capsys.readouterr()
    people = ll.read_people(LIST, ll.PeopleOptions(as_of="2025-06")).panel
    paths = ll.simulate(ll.load(run), people, years=[2026, 2028], draws=20)
    assert said.out.splitlines() == sentences(ll.natural_frequencies(paths, top=2), 30)
    assert len(said.out.splitlines()) == 2 * 30
    assert "covariates held at their last values" in said.err
    ll.import_synthetic(workers=60, seed=1).save(Path("panel.parquet"))
    assert laborllm(f"simulate {run} panel.parquet --years 2031") == 2
    assert "60 forecasts are more than the 30 that are printed: name a file with --out" in capsys.readouterr().err
    assert set(Path().iterdir()) == before | {Path("panel.parquet")}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("forecast {run} {list} --layout wide", "the layout wide is written to a file, and not printed: name one with"),
        ("forecast {run} {list} --top 0", "top is how many occupations are shown, at least 1, not 0"),
        ("forecast {run} {list} --year 99999", "a record cannot be opened in 99999: years have up to four digits"),
        ("simulate {run} {list}", "no career has an open record: say which years to open"),
        ("steps {run} 95 --top 0", "top is how many occupations are shown, at least 1, not 0"),
    ],
)
def test_what_cannot_be_printed_is_one_line(
    command: str, message: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(Path().iterdir())
    assert laborllm(command.format(run=run, list=f"{LIST} --as-of 2025-06")) == 2
    said = capsys.readouterr()
    assert message in said.err.splitlines()[-1]
    assert not said.out
    assert set(Path().iterdir()) == before


def test_what_if_writes_the_paired_difference(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = f"what-if {run} {LIST} --as-of 2025-06 --years 2026 --draws 20 --top 2 --last-occupation 95"
    assert laborllm(f"{command} --out difference.parquet") == 0
    assert "less the same people as they are" in capsys.readouterr().err
    table = pl.read_parquet("difference.parquet")
    assert table.height == 30 * 2 * 3
    assert set(table["output_type"]) == {"mean", "quantile"}
    people = ll.read_people(LIST, ll.PeopleOptions(as_of="2025-06")).panel
    fitted = ll.load(run)
    opened = people.open([2026])
    other = ll.if_records_said(opened, last_occupation="95")
    found = ll.what_if(fitted, opened, other, draws=20).probability
    assert table.filter(output_type="mean")["value"].abs().max() == pytest.approx(float(abs(found).max()))


def test_a_backtest_has_a_table_rates_and_a_page(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    panel = ll.import_synthetic(workers=300)
    panel.save(Path("panel.parquet"))
    origin = int(panel.records["year"].max()) - 4  # type: ignore[arg-type]
    command = f"backtest {run} panel.parquet --origins {origin} --horizon 3 --draws 20 --workers 40"
    assert laborllm(f"{command} --out scores.csv --rates rates.csv --page backtest.html") == 0
    said = capsys.readouterr().out
    models = ["run", "Markov chain", "second-order Markov chain", "constant state", "constant share"]
    assert [line.split(":")[0] for line in said.splitlines()] == models
    scores = pl.read_csv("scores.csv")
    found = ll.backtest({"run": ll.load(run)}, panel, origins=[origin], horizon=3, draws=20, workers=40)
    assert scores["estimate"].to_list() == pytest.approx(found.scores["estimate"].to_list())
    assert pl.read_csv("rates.csv").height == len(found.rates)
    page = Path("backtest.html").read_text()
    assert page.count("<figure>") == 2
    assert all(f">{model}<" in page for model in models)


def test_a_list_is_forecast_in_words_and_numbers(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read = f"{LIST} --as-of 2025-06"
    assert laborllm(f"forecast {run} {read} --year 2026 --layout people --top 2 --out next.csv") == 0
    said = capsys.readouterr().out.splitlines()
    assert re.match(r"Person 01, 2026: of 100 people with this history, \d+ stay: Unemployed; \d+ move: ", said[0])
    assert said[-1] == "and 25 more workers in the file"
    people = ll.read_people(LIST, ll.PeopleOptions(as_of="2025-06")).panel
    expected = ll.next_frequencies(ll.forecast(run, people, year=2026), people, top=2)
    written = pl.read_csv("next.csv", schema_overrides={"code": pl.String})
    assert written["people"].to_list() == expected["people"].to_list()
    assert laborllm(f"forecast {run} {read} --year 2026 --must-move --out moved.csv") == 0
    moved = pl.read_csv("moved.csv", schema_overrides={"code": pl.String})
    assert set(moved.filter(code="unemployed")["probability"]) == {0}
    assert laborllm(f"simulate {run} {read} --years 2026 2027 --draws 10 --must-move --out years.csv") == 0
    years = pl.read_csv("years.csv", schema_overrides={"code": pl.String})
    assert set(years.filter(code="unemployed", year=2026)["probability"]) == {0}
    assert max(years.filter(code="unemployed", year=2027)["probability"]) > 0


def test_the_natural_question_needs_no_option(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list of today: this year and next year are answered, on the screen, of everyone in it."""
    this_year = datetime.now(UTC).year
    Path("list.csv").write_text("worker,start,end,title\nAda,2019,,Cashier\nBob,2015,2018,Cook\nBob,2018,,Welder\n")
    before = set(Path().iterdir())
    for options, year in (("", this_year + 1), (f"--year {this_year}", this_year), (f"--year {this_year + 1}", None)):
        assert laborllm(f"forecast {run} list.csv {options}") == 0
        said = capsys.readouterr()
        lines = said.out.splitlines()
        assert [line.split(":")[0] for line in lines] == [f"{name}, {year or this_year + 1}" for name in ("Ada", "Bob")]
        assert all("of 100 people with this history" in line for line in lines)
        taken = f"taken as it was at the end of {this_year - 1}"
        assert (taken in said.err) == (year == this_year)
    assert set(Path().iterdir()) == before
    assert laborllm(f"group {run} list.csv --years {this_year} {this_year + 2} --draws 5") == 0
    assert capsys.readouterr().out.startswith(f"{this_year}: of 2 people")
    people = ll.read_people("list.csv", ll.PeopleOptions(as_of=f"{this_year - 1}-12-31")).panel
    expected = ll.next_frequencies(ll.forecast(run, people, year=this_year), people)
    assert laborllm(f"forecast {run} list.csv --year {this_year} --layout people --out next.csv") == 0
    assert pl.read_csv("next.csv")["people"].to_list() == expected["people"].to_list()


def test_people_of_a_list_are_in_no_split(run: Path) -> None:
    read = f"{LIST} --as-of 2025-06 --year 2026"
    for layout in ("long", "wide"):
        assert laborllm(f"forecast {run} {read} --layout {layout} --out {layout}.csv") == 0
        assert "split" not in pl.read_csv(f"{layout}.csv", schema_overrides={"code": pl.String}).columns
    ll.import_synthetic(workers=60, seed=1).save(Path("panel.parquet"))
    assert laborllm(f"forecast {run} panel.parquet --year 2031 --out panel.csv") == 0
    assert set(pl.read_csv("panel.csv", schema_overrides={"code": pl.String})["split"]) == {"train", "valid", "test"}


def test_many_people_are_no_matter_of_a_screen(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ll.import_synthetic(workers=60, seed=1).save(Path("panel.parquet"))
    assert laborllm(f"forecast {run} panel.parquet --year 2031") == 2
    assert "60 forecasts are more than the 30 that are printed: name a file with --out" in capsys.readouterr().err
    assert laborllm(f"forecast {run} panel.parquet --year 2031 --workers 3") == 0
    assert capsys.readouterr().out.count("2031: of 100 people") == 3


OTHER = "worker,start,end,title\nAda,2019,2020,Frobnicator of zorbs\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("group RUN other.csv --as-of 2021 --years 2022", "title uncoded"),
        ("group RUN LIST --as-of 2025-06 --years 2025", "only after the last of its career"),
        ("group RUN LIST --as-of 2025-06 --years 2026 --out x.pdf", "let it end in .parquet, .csv, .dta"),
        ("group RUN LIST --as-of 2025-06 --years 2026 --chart x.pdf", "let it end in .svg or .png"),
        ("group RUN LIST --as-of 2025-06 --years 2026 --by shoe_size", "no column 'shoe_size'"),
        ("group coarse LIST --as-of 2025-06 --years 2026", "taxonomy nlswork"),
        ("what-if RUN LIST --as-of 2025-06 --years 2026 --out x.csv", "needs another record"),
        (
            "what-if RUN LIST --as-of 2025-06 --years 2026 --last-occupation 1 --out x.csv",
            "no occupation '1'",
        ),
        ("backtest RUN panel.parquet --origins 1900", "no worker of split test was seen both up to 1900"),
    ],
)
def test_what_cannot_be_is_one_line(
    command: str, message: str, run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Path("other.csv").write_text(OTHER)
    if "coarse" in command:
        ll.fit("transition", ll.import_synthetic(workers=50, taxonomy="nlswork"), out="coarse")
    if "panel" in command:
        ll.import_synthetic(workers=300).save(Path("panel.parquet"))
    before = set(tmp_path.iterdir())
    assert laborllm(command.replace("RUN", str(run)).replace("LIST", str(LIST))) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("laborllm: ")]
    assert len(error) == 1
    assert message in error[0]
    assert set(tmp_path.iterdir()) == before
