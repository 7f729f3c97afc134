"""The summary of a panel, against counts made by hand and by plain loops; and how it reads."""

import json
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from statistics import mean, median

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import laborllm as ll
from laborllm.occupations import Taxonomy, load_taxonomy
from laborllm.panel import Panel, Provenance, profile, tally
from laborllm.panel.files.store import PanelFile
from laborllm.panel.summary import MOST_FREQUENT, Summary, summarise
from laborllm.report.describe import as_json, as_text
from laborllm.sources import import_resumes, import_table
from laborllm.sources.career_layout import import_career

TAXONOMY = Taxonomy("jobs", ("A", "B", "C", "D"), ("Bakers", "Millers", "Mayors", "Poets"), ("All",) * 4)
PROFILE = (profile.records_by_year, profile.states_by_age, profile.group_transitions)


def _panel() -> Panel:
    """Twelve bakers, of whom ten become millers and two stay; one mayor for a year; one in unemployment for two."""
    rows: list[tuple[object, ...]] = [(f"w{worker:02}", 2000, "A", "train", "female", 1980) for worker in range(12)]
    rows += [(f"w{worker:02}", 2001, "B" if worker < 10 else "A", "train", "female", 1980) for worker in range(12)]
    rows += [("x", 1999, "C", "valid", "male", 1950)]
    rows += [("y", 2003, "unemployed", "test", None, None), ("y", 2005, "unemployed", "test", None, None)]
    names = ["worker", "year", "occupation", "split", "gender", "birth_year"]
    provenance = Provenance(
        "table", rows_in=30, left_out={"status unknown": 3}, notes={"codes mapped": "3 of 3", "encoding": "UTF-16"}
    )
    records = pl.DataFrame(rows, schema=names, orient="row")
    return Panel(records, TAXONOMY.with_states(["unemployed"]), "OWN", provenance)


@pytest.fixture(scope="module")
def summary() -> Summary:
    return summarise(_panel())


def test_size(summary: Summary) -> None:
    assert (summary.workers, summary.records) == (14, 27)
    assert (summary.first_year, summary.last_year) == (2000, 2001)  # in 1999, 2003 and 2005 is one worker each
    assert summary.records_per_worker == (27 / 14, 2)
    assert summary.stay_rate is None  # ten move, but only two bakers and the unemployed stay
    assert (summary.taxonomy_size, summary.occupations_seen) == (5, 4)


def test_small_cells_are_withheld(summary: Summary) -> None:
    """The millers too: less the bakers and them, all records would leave those of two workers."""
    assert summary.occupations.rows() == [("A", "Bakers", 12, 14, 14 / 27)]
    assert summary.states.is_empty()
    assert summary.withheld == 3
    assert summary.covariates.filter(pl.col("covariate") == "gender")["values"].to_list() == [["female"]]
    for text in (as_text(summary), as_json(summary)):
        assert not any(hidden in text for hidden in ("Mayors", "1950", "Unemployed"))


def test_open_records_and_own_columns_are_counted_apart() -> None:
    panel = _panel()
    own = replace(panel, records=panel.records.with_columns(wage=pl.when(pl.col("year") == 2000).then(9.5)))
    before, summary = summarise(own), summarise(own.open(years=[2010]))
    assert (summary.open_records, summary.records, summary.workers) == (14, before.records, 14)
    assert (summary.last_year, summary.stay_rate) == (2001, before.stay_rate)
    assert summary.occupations.equals(before.occupations)
    assert before.columns.rows() == [("wage", "numbers", 12 / 27)]
    text = as_text(summary)
    assert "  open records, without an occupation yet               14\n" in text
    assert "  wage                                              29.3 %  numbers\n" in text


def test_no_rare_code_is_shown() -> None:
    rare = Provenance("table", notes={"codes not in taxonomy": "777 (1 row)", "waves": "1990"})
    summary = summarise(replace(_panel(), provenance=rare))
    assert all("777" not in text for text in (as_text(summary), as_json(summary)))
    assert summary.provenance.notes == {"waves": "1990"}


def test_a_panel_too_small_to_show_its_years() -> None:
    panel = _panel().sample(5, seed=0)
    assert "none of 10 workers or more\n" in as_text(summarise(panel))


def test_coverage_and_splits(summary: Summary) -> None:
    known = dict(summary.covariates.select("covariate", "known").iter_rows())
    assert known == {"education": 0, "gender": None, "ethnicity": 0, "region": 0, "birth_year": None}  # of all but one
    assert summary.splits.rows() == [(split, None, None) for split in ("train", "valid", "test")]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("AB")), min_size=1, max_size=12))
def test_rates_of_careers_that_ten_workers_each_have(pairs: list[tuple[int, str]]) -> None:
    careers = [[code for _, code in career] for _, career in groupby(sorted(pairs), key=lambda pair: pair[0])]
    repeats = [now == before for career in careers for before, now in pairwise(career)]
    rows = [
        (f"{number}/{copy}", 2000 + year, code, "train")
        for number, career in enumerate(careers)
        for copy in range(10)
        for year, code in enumerate(career)
    ]
    records = pl.DataFrame(rows, schema=["worker", "year", "occupation", "split"], orient="row")
    found = summarise(Panel(records, TAXONOMY, "OWN", Provenance("made up")))
    assert found.stay_rate == (sum(repeats) / len(repeats) if repeats else None)
    lengths = [len(career) for career in careers]
    assert found.records_per_worker == (mean(lengths), median(lengths))


def test_a_file_read_some_careers_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its summary and its profile are those of the panel in memory."""
    panel = ll.import_synthetic(workers=120)
    panel.save(tmp_path / "panel.parquet")
    whole = [as_json(summarise(panel)), *(draw(panel).rows() for draw in PROFILE)]
    for module in (tally, profile):
        monkeypatch.setattr(module, "ROWS_TOGETHER", 70)
    careers = PanelFile.open(tmp_path / "panel.parquet")
    assert [as_json(summarise(careers)), *(draw(careers).rows() for draw in PROFILE)] == whole


def test_as_text(summary: Summary) -> None:
    assert as_text(summary) == TEXT


def test_a_large_panel_fits_the_screen() -> None:
    codes = [str(number) for number in range(40)]
    titles = tuple(f"Operators of machine number {number} and of everything that looks like one" for number in codes)
    taxonomy = Taxonomy("machines", tuple(codes), titles, ("All",) * 40)
    rows = [(f"{worker}", 2000, codes[worker % 40], "train") for worker in range(1200)]
    records = pl.DataFrame(rows, schema=["worker", "year", "occupation", "split"], orient="row")
    provenance = Provenance("table", notes={"codes not in taxonomy": ", ".join(codes * 20)})
    summary = summarise(Panel(records, taxonomy, "OWN", provenance))
    lines = as_text(summary).splitlines()
    assert summary.occupations.height == MOST_FREQUENT
    assert summary.stay_rate is None
    assert len(lines) <= 50
    assert max(len(line) for line in lines) <= 100


def test_as_json(summary: Summary) -> None:
    content = json.loads(as_json(summary))
    assert content["workers"] == 14
    assert content["occupations"][0] == {"code": "A", "title": "Bakers", "workers": 12, "records": 14, "share": 14 / 27}
    assert content["row_counts"] == {"read": None, "status unknown": None, "kept": 27}


@pytest.mark.parametrize(
    ("left_out", "shown"),
    [
        ({"a": 3}, {"read": None, "a": None}),
        ({"a": 3, "b": 40, "c": 50}, {"read": 120, "a": None, "b": None, "c": -50}),
        ({"a": 30, "b": 0}, {"read": 120, "a": -30, "b": 0}),
    ],
)
def test_reasons_of_few_rows_do_not_follow_from_the_others(
    left_out: dict[str, int], shown: dict[str, int | None]
) -> None:
    panel = replace(_panel(), provenance=Provenance("table", rows_in=120, left_out=left_out))
    assert dict(summarise(panel).row_counts) == shown | {"kept": 120 - sum(left_out.values())}


TEXT = """\
OWN
  workers                                               14
  records                                               27
  years                                       2000 to 2001
  records per worker                                   1.9  median 2
  same occupation as in the record before                -
  occupations of taxonomy jobs that occur                4  of 5
  of them not shown, for too few workers                 3
  weights                                             none

Occupations, the most frequent                     workers     records       share
  Bakers                                                12          14      51.9 %

Covariates                                           known
  education                                          0.0 %
  gender                                                 -  female
  ethnicity                                          0.0 %
  region                                             0.0 %
  birth_year                                             -  1980

Splits, by worker                                  workers     records
  train                                                  -           -
  valid                                                  -           -
  test                                                   -           -

What so few people allow
  a forecast of each of them                    yes, by a model that was fitted on others
  a model of their own                          yes, but from few careers it learns little
  an evaluation                                 perhaps: each number takes 10 workers of split test

Rows of the source                                    rows
  read                                                   -
  status unknown                                         -
  kept                                                  27

Notes
  encoding: UTF-16"""


def test_notes_that_quote_cells_are_for_whoever_imports(tmp_path: Path) -> None:
    """What stands in one person's rows is in no summary, whatever it was imported from."""
    (tmp_path / "t.csv").write_text(
        "id,year,occ,edu,sex\n" + "".join(f"{n},2000,4720,HS,f\n" for n in range(20)) + "99,2000,4720,Zertifikat,w\n"
        "98,2000,8765,HS,f\n"
    )
    mapping = "dataset: X\ntaxonomy: occ1990dd\nworker: id\nyear: year\n"
    mapping += "occupation: {column: occ, crosswalk: census2010}\ncovariates: {education: edu, gender: sex}\n"
    (tmp_path / "m.yaml").write_text(mapping)
    (tmp_path / "jobs.csv").write_text(
        "worker,start,end,title,education\n1,2001,2002,Registered nurse,Zertifikat\n2,2001,8765,Cashier,HS\n"
        "2,1999,sometime,Cashier,HS\n3,1999,2010,Gongoozler,HS\n"
    )
    (tmp_path / "train.job").write_text("276\n")
    (tmp_path / "train.year").write_text("2001\n")
    (tmp_path / "train.education").write_text("zertifikat\n")
    panels = [
        import_table(tmp_path / "t.csv", tmp_path / "m.yaml"),
        import_resumes(tmp_path / "jobs.csv"),
        import_career(tmp_path, load_taxonomy("occ1990dd"), "X"),
    ]
    cells = ["zertifikat", "8765", "sometime", "gongoozler"]
    for panel in panels:
        assert any(cell in str(panel.provenance.notes).lower() for cell in cells)
        shown = as_text(summarise(panel)) + as_json(summarise(panel))
        assert not any(cell in shown.lower() for cell in cells)
