"""Mistakes in a table or its mapping, as the command line answers them: one line, exit code 2, nothing written."""

from pathlib import Path

import polars as pl
import pytest

from laborllm.cli import main

MAPPING = """\
dataset: SMALL
taxonomy: jobs.csv
states: [unemployed]
worker: id
year: year
occupation: job
status:
  column: status
  values: {1: employed, 2: unemployed}
"""
TABLE = "id,year,job,status\n1,2000,10,1\n1,2001,20,1\n2,2000,10,2\n"
JOBS = "code,title\n10,Cashiers\n20,Cooks\n"


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(table=TABLE, mapping=MAPPING, jobs=JOBS)


def write(**files: str) -> None:
    names = {"table": "table.csv", "mapping": "map.yaml", "jobs": "jobs.csv"}
    for file, text in files.items():
        Path(names[file]).write_text(text)


def run(*more: str) -> int:
    return main(["import", "table", "table.csv", "--map", "map.yaml", "--out", "panel.parquet", *more])


def test_the_table_without_mistakes_is_imported() -> None:
    assert run() == 0
    assert Path("panel.parquet").is_file()


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"mapping": MAPPING.replace("worker: id", "worker: person")}, "no column 'person'"),
        ({"mapping": MAPPING.replace("year: year", "years: year")}, "years"),
        ({"mapping": MAPPING.replace("jobs.csv", "jobz")}, "unknown taxonomy 'jobz'"),
        ({"mapping": MAPPING.replace("[unemployed]", "[asleep]")}, "unknown state 'asleep'"),
        ({"mapping": MAPPING + "covariates: {education: school}\n"}, "no column 'school'"),
        ({"mapping": "dataset: [\n"}, "map.yaml"),
        ({"table": TABLE.replace("10,2", "10,3")}, "3"),
        ({"table": TABLE + "1,2000,20,1\n"}, "several rows for one worker and year"),
        (
            {"table": TABLE.replace("2001", "3001")},
            "a value in 1 row, the first in row 2: '3001' (1 row)",
        ),
        ({"table": TABLE.replace("2001", "soon")}, "soon"),
        ({"table": "id,year,job,status\n"}, "no row is left to make a panel of"),
        (
            {"table": TABLE.replace(",10,", ",77,").replace(",20,", ",78,").replace(",2\n", ",1\n")},
            "none of the 2 occupation codes is in taxonomy jobs: 77, 78",
        ),
        (
            {"mapping": MAPPING.replace("job\n", "{column: job, crosswalk: census2011}\n", 1)},
            "unknown crosswalk 'census2011': use census1970",
        ),
        (
            {"table": TABLE.replace(",20,", ",20-Jan,")},
            "column job: not as the source wrote it (export it as text): a value in 1 row, the first in row 2: '20",
        ),
        ({"jobs": JOBS + "30,COOKS\n"}, "two occupations share the title 'COOKS'"),
        ({"jobs": JOBS + "10,Clerks\n"}, "two occupations share the code '10'"),
        ({"jobs": "number,name\n10,Cashiers\n"}, "the first line must name the columns"),
    ],
)
def test_a_mistake_is_one_line(files: dict[str, str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(**files)
    assert run("--show-values") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("laborllm: ")
    assert line in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in Path().iterdir()) == ["jobs.csv", "map.yaml", "table.csv"]


@pytest.mark.parametrize("cell", ["3001", "Anna Example, Oak Street 7", "x" * 5_000])
def test_what_stands_in_a_cell_is_shown_when_asked_for(cell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The row and the column are named always, and a long cell is cut."""
    write(table=TABLE.replace("2001", f'"{cell}"'))
    assert run() == 2
    line = capsys.readouterr().err
    assert cell[:10] not in line
    assert line.endswith("a value in 1 row, the first in row 2: --show-values shows what stands there\n")
    assert run("--show-values") == 2
    shown = capsys.readouterr().err
    assert cell[:40] in shown
    assert len(shown) < 200


def test_the_row_is_that_of_the_file_where_others_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    write(
        table="id,year,job,status,born\n1,2000,10,1,1980\n2,2000,,1,1980\n3,NA,10,1,1980\n4,2000,10,1,soon\n",
        mapping=MAPPING + "covariates: {birth_year: born}\n",
    )
    assert run() == 2
    assert "column born: not a year from 1900 to 2100: a value in 1 row, the first in row 4" in capsys.readouterr().err


def test_records_that_clash_are_named_by_file_and_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the row of the source, though the row above it is left out; nothing of the person is said."""
    (tmp_path / "m.yaml").write_text(
        "dataset: X\ntaxonomy: nlswork\nworker: id\nyear: year\noccupation: occ\ncovariates: {gender: sex}\n"
    )
    (tmp_path / "own.csv").write_text("id,year,occ,sex\n7,1999,99,F\nAda,2000,1,F\n7,2000,1,M\nAda,2001,1,M\n")
    for name in ("own.csv", "own.parquet"):
        if name == "own.parquet":
            pl.read_csv(tmp_path / "own.csv", infer_schema=False).write_parquet(tmp_path / name)
        command = ["import", "table", str(tmp_path / name), "--map", str(tmp_path / "m.yaml"), "--out", "p.parquet"]
        assert main(command) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert said == f"laborllm: {name}, row 2: gender differs between records of one worker; 2 rows in all"
