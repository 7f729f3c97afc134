"""Steps between occupations on the command line: what the library finds, as lines and as tables."""

from pathlib import Path

import polars as pl
import pytest

import laborllm as ll
from cli.commands import laborllm


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steps") / "run"
    ll.fit("transition", ll.import_synthetic(workers=200, taxonomy="nlswork"), out=folder)
    return folder


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(name: str) -> pl.DataFrame:
    return pl.read_csv(f"tables/{name}.csv", schema_overrides={"code": pl.String})


def test_tables_are_those_of_the_library(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fitted = ll.load(run)
    taxonomy = fitted.record.taxonomy
    title = taxonomy.titles[taxonomy.position["2"]]
    assert laborllm(f"steps {run} '{title.upper()}' --top 3 --tables tables --year 2026") == 0
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if line.endswith(":")] == ["next steps:", "feeders:", "reachable:", "similar:"]
    assert said[1].endswith(f"{title} (stay)")
    flows = ll.mobility(fitted, ll.typical_careers(fitted, year=2026))
    assert read("next_steps")["share"].to_list() == pytest.approx(ll.next_steps(flows, "2", top=3)["share"].to_list())
    assert read("feeders")["code"].to_list() == ll.feeders(flows.in_the_long_run(), "2", top=3)["code"].to_list()
    assert read("reachable")["code"].to_list() == ll.reachable(flows, "2")["code"].to_list()
    assert read("similar")["title"].to_list() == ll.similar_occupations(fitted, "2", top=3)["title"].to_list()


def test_flows_of_people_at_hand(run: Path) -> None:
    panel = ll.import_synthetic(workers=150, taxonomy="nlswork", seed=5)
    panel.save(Path("panel.parquet"))
    assert laborllm(f"steps {run} 9 --people panel.parquet --tables tables") == 0
    flows = ll.mobility(ll.load(run), panel).without_few()
    assert read("next_steps")["people"].to_list() == ll.next_steps(flows, "9")["people"].to_list()
    assert read("feeders")["share"].to_list() == pytest.approx(ll.feeders(flows, "9")["share"].to_list())


def test_flows_out_of_an_occupation_of_few_are_not_shown(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ll.import_synthetic(workers=150, taxonomy="nlswork", seed=5).sample(9, seed=0).save(Path("panel.parquet"))
    assert laborllm(f"steps {run} 2 --people panel.parquet --tables tables") == 2
    assert "fewer than 10 people of panel.parquet go on from" in capsys.readouterr().err
    assert not Path("tables").exists()


def test_only_what_pays_no_less_is_reachable_where_pay_is_known(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    panel = ll.import_synthetic(workers=200, taxonomy="nlswork", seed=5)
    rank = pl.col("occupation").rank("dense").cast(pl.Float64)
    paid = panel.with_records(panel.records.with_columns(wage=10 + rank))
    paid.save(Path("panel.parquet"))
    assert laborllm(f"steps {run} 11 --people panel.parquet --wages wage --tables tables") == 0
    flows = ll.mobility(ll.load(run), paid).without_few()
    expected = ll.reachable(flows, "11", wages=ll.typical_wages(paid), paying_no_less=True)
    assert read("reachable")["code"].to_list() == expected["code"].to_list() != []
    assert read("reachable")["wage_ratio"].to_list() == expected["wage_ratio"].round(2).to_list()
    assert "wage" not in read("reachable").columns  # a median may be the pay of a person
    for options, message in (
        ("--wages wage", "pay is known of people at hand only"),
        ("--people panel.parquet --wages gender", "no column 'gender' of pay: it has wage"),
    ):
        assert laborllm(f"steps {run} 11 {options}") == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("occupation", "message"),
    [("Manager", "has no occupation 'Manager': such as Managers"), ("99", "`laborllm code-titles` finds the code")],
)
def test_an_occupation_that_is_not_known(
    occupation: str, message: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert laborllm(f"steps {run} {occupation} --tables tables") == 2
    assert message in capsys.readouterr().err
    assert not Path("tables").exists()
