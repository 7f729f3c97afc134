"""What the command line refuses before any work: one line, exit code 2, and nothing that was not there before."""

from pathlib import Path

import pytest

import laborllm as ll
from cli.commands import laborllm
from laborllm.cli.naming import paths_by_name
from laborllm.errors import InputError, OptionError

Capture = pytest.CaptureFixture[str]
YEARS = "--years 2031 --draws 5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A panel, two runs of one name, and the learning curves of two others."""
    place = tmp_path_factory.mktemp("refusals")
    panel = ll.import_synthetic(workers=60, seed=1)
    panel.save(place / "panel.parquet")
    ll.fit("transition", panel, out=place / "run")
    ll.fit("transition", panel, variant="plain", out=place / "other" / "run")
    for name in ("one", "two"):
        (place / name / "run").mkdir(parents=True)
        curve = "step,careers,train_perplexity,valid_perplexity,seconds\n"
        (place / name / "run" / "curve.csv").write_text(curve)
    return place


@pytest.fixture(autouse=True)
def desk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def refused(command: str, capsys: Capture) -> str:
    """The one line of a command that leaves everything as it was."""
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    capsys.readouterr()
    assert laborllm(command) == 2, command
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert line.startswith("laborllm: ")
    assert out == ""
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before
    return line


@pytest.mark.parametrize(
    "command",
    [
        "import synthetic --workers 10 --out new.parquet",
        "import nlswork --out new.parquet",
        "import resumes panel.parquet --out new.parquet",
        "mix panel.parquet --add panel.parquet --out new.parquet",
        "fit transition panel.parquet --out new",
        "fit career panel.parquet --out new",
        "validate panel.parquet --out new",
        "forecast run panel.parquet --year 2031 --workers 3 --out new.csv",
        f"simulate run panel.parquet {YEARS} --out new.csv",
        f"what-if run panel.parquet {YEARS} --last-occupation 95 --out new.csv",
        f"group run panel.parquet {YEARS} --out new.csv",
        "backtest run panel.parquet --origins 2005 --out new.csv",
        "evaluate run panel.parquet --out new.html",
        "audit run panel.parquet --out new.html",
        "demo --out new",
    ],
)
def test_a_seed_is_no_negative_number(command: str, capsys: Capture) -> None:
    line = refused(f"{command} --seed -1", capsys)
    assert 'Invalid value "-1" for --seed. Must be >= 0.' in line


@pytest.mark.parametrize("level", ["0", "1", "1.5", "-0.5", "nan"])
def test_an_interval_holds_a_share_of_the_futures(level: str, capsys: Capture) -> None:
    line = refused(f"group run panel.parquet {YEARS} --level={level} --page new.html --out new.csv", capsys)
    assert f"an interval cannot hold {float(level):g} of the futures: the level is above 0 and below 1" in line


@pytest.mark.parametrize(
    "command",
    [
        "backtest run other/run panel.parquet --origins 2005 --draws 3 --out new.csv",
        "evaluate run other/run panel.parquet --out new.html",
        "curves one/run two/run --out new.svg",
        "backtest a=run a=other/run panel.parquet --origins 2005 --draws 3",
    ],
)
def test_two_runs_of_one_name_could_not_be_told_apart(command: str, capsys: Capture) -> None:
    line = refused(command, capsys)
    assert line.endswith("could not tell them apart: write NAME=RUN")
    assert "two runs are called " in line


@pytest.mark.parametrize("verb", ["evaluate =run panel.parquet", "backtest =run panel.parquet --origins 2005"])
def test_a_name_is_no_empty_word(verb: str, capsys: Capture) -> None:
    assert "=run gives a run no name: write NAME=RUN" in refused(verb, capsys)


def test_runs_are_called_by_their_name_folder_or_file(monkeypatch: pytest.MonkeyPatch) -> None:
    found = paths_by_name(["run", "base=other/run", "forecasts/next.parquet", "c=d=e"])
    assert found == {
        "run": Path("run"),
        "base": Path("other/run"),
        "next": Path("forecasts/next.parquet"),
        "c": Path("d=e"),
    }
    with pytest.raises(InputError, match="two runs are called run"):
        paths_by_name(["run", "other/run"])
    monkeypatch.chdir("run")
    assert paths_by_name(["."]) == {"run": Path()}


def test_a_folder_with_the_sign_in_its_name_is_a_folder() -> None:
    place = Path("a=b")
    place.mkdir()
    try:
        assert paths_by_name(["a=b"]) == {"a=b": place}
    finally:
        place.rmdir()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "code-titles Cook --out new.xlsx",
            "the name new.xlsx does not say a format: let it end in .parquet, .csv, .dta",
        ),
        ("code-titles Cook --threshold 2", "the threshold is 2.0: it must be from 0 to 1"),
        ("code-titles a.csv b.csv --column title", "--column reads one file, and 2 are named"),
        ("serve run --unaudited --rate 0", "0 requests a second: the rate must be a number above 0"),
        ("serve run --unaudited --rate=-3", "-3 requests a second: the rate must be a number above 0"),
        ("serve run --unaudited --rate inf", "inf requests a second: the rate must be a number above 0"),
        (
            "mix panel.parquet --add panel.parquet=half --out new.parquet",
            "'half' is not a share; write FILE or FILE=0.5",
        ),
        ("mix panel.parquet --add panel.parquet=0 --out new.parquet", "must be above 0 and at most 1, not 0"),
        ("render panel.parquet --worker-number 61", "--worker-number is 61, and the panel's workers are 1 to 60"),
        ("render panel.parquet --count 0", "--count is 0: it must be at least 1"),
        (
            "simulate run panel.parquet --years 2031 --workers 0 --out new.csv",
            "cannot draw 0 workers: at least 1 is needed",
        ),
        ("forecast run panel.parquet --out new.csv --top 1.5", "'1.5' is not a whole number"),
        ("forecast run panel.parquet --out new.csv --config none.yaml", "--config"),
        ("fit transition panel.parquet --out new --config none.yaml", "no file at none.yaml"),
        ("fit transition panel.parquet --out new --careers 0", "cannot draw 0 workers"),
        ("describe nowhere.parquet", "no panel file at nowhere.parquet"),
        ("import table rows.csv --map own.yaml --query q.sql --out new.parquet", "give either a file, or --query"),
        (
            "import table --map own.yaml --query q.sql --database duckdb://x --out new.parquet",
            "cannot read the query in q.sql",
        ),
        ("import nlsy79 --out new.parquet", "give the files of an extract and --out, or --tagset"),
        ("import nlsy97 a.csv", "give the files of an extract and --out, or --questions"),
        ("import psid a.txt", "name the data file of the extract, and the panel to write with --out"),
        ("curves run --out new.svg", "run has no curve.csv"),
        ("audit run panel.parquet --draws 0", "0 bootstrap draws cannot bound a 95 % interval: use 40 or more"),
        ("audit run panel.parquet --refits 3", "an even number, 4 or more, not 3"),
        ("export career panel.parquet --out run", "run"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(command: str, message: str, capsys: Capture) -> None:
    assert message in refused(command, capsys)


def test_a_fit_in_python_refuses_such_a_seed_too(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="the seed is -1: it must be 0 or more"):
        ll.fit("transition", "panel.parquet", seed=-1, out=tmp_path / "new" / "run")
    assert not any(tmp_path.iterdir())


def test_titles_are_written_as_the_name_of_the_file_says(tmp_path: Path, capsys: Capture) -> None:
    import pandas

    readers = {"csv": pandas.read_csv, "dta": pandas.read_stata}
    for ending, reader in readers.items():
        out = tmp_path / f"titles.{ending}"
        assert laborllm(f'code-titles "Registered nurse" "Xqzv vrrp" --out {out}') == 0
        table = reader(out).set_index("title")
        assert str(table.loc["Registered nurse", "code"]).removesuffix(".0") == "95"
        assert "2 titles, 1 coded" in capsys.readouterr().err
