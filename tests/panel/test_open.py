"""Open records: only at the end of a career, counted, made from the last record, and taken away again."""

from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import PanelError
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance

TAXONOMY = Taxonomy.from_occupations("small", [("4", "Chief executives", "A"), ("276", "Cashiers", "B")])


def record(worker: str = "a", year: int = 2000, occupation: str | None = "276", **more: Any) -> dict[str, Any]:
    return {"worker": worker, "year": year, "occupation": occupation, "split": "train"} | more


def panel(*records: dict[str, Any]) -> Panel:
    return Panel(pl.DataFrame(list(records), infer_schema_length=None), TAXONOMY, "made-up", Provenance("made up"))


records = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(2000, 2009), st.sampled_from(["4", "276", None])),
    min_size=1,
    unique_by=lambda row: row[:2],
)


@given(records)
def test_the_last_records_of_a_career_alone_may_be_open(rows: list[tuple[str, int, str | None]]) -> None:
    ordered = sorted(rows, key=lambda row: row[:2])
    closed_after = any(
        before[0] == after[0] and before[2] is None and after[2] is not None for before, after in pairwise(ordered)
    )
    given_records = [record(*row) for row in rows]
    if closed_after:
        with pytest.raises(
            PanelError, match=r"^row \d+: occupation is missing, and a later record of the worker has one"
        ):
            panel(*given_records)
        return
    made = panel(*given_records)
    known = [row for row in ordered if row[2] is not None]
    assert made.open_records == len(rows) - len(known)
    if known:
        assert made.observed().records.select("worker", "year", "occupation").rows() == known
        assert made.observed().open_records == 0
    else:
        with pytest.raises(PanelError, match="records are open: none has an occupation to learn from or to score"):
            made.observed()


@given(
    records.filter(lambda rows: any(row[2] for row in rows)), st.sets(st.integers(2010, 2030), min_size=1, max_size=3)
)
def test_opened_records_hold_what_the_last_record_says(
    rows: list[tuple[str, int, str | None]], years: set[int]
) -> None:
    made = panel(*(record(*row, education=f"level {row[1]}", birth_year=1980) for row in rows if row[2] is not None))
    opened = made.open(years)
    assert opened.observed().fingerprint == made.fingerprint
    assert opened.open_records == made.workers * len(years)
    last = {worker: f"level {year}" for worker, year in made.records.select("worker", "year").iter_rows()}
    new = opened.records.filter(pl.col("occupation").is_null())
    assert new.select("worker", "year", "education", "birth_year", "split").rows() == [
        (worker, year, last[worker], 1980, "train") for worker in sorted(last) for year in sorted(years)
    ]


def test_a_panel_without_open_records_is_observed_as_it_is() -> None:
    made = panel(record())
    assert made.observed() is made


def test_a_year_before_the_end_of_a_career_is_refused() -> None:
    made = panel(record("a", 2000), record("b", 2003), record("c", 2001))
    with pytest.raises(PanelError, match=r"^2 careers have a record in 2001 or later: .*$"):
        made.open(years=range(2001, 2005))
    with pytest.raises(PanelError, match="give at least one"):
        made.open(years=[])
    assert made.open(years=[2004]).open(years=[2005]).open_records == 6


def test_open_records_are_kept_by_selections_and_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = panel(record("a"), record("b"), record("c", split="test")).open(years=[2001])
    assert made.subset("train").open_records == 2
    assert made.sample(1, seed=0).open_records == 1
    path = tmp_path_factory.mktemp("panel") / "panel.parquet"
    made.save(path)
    assert Panel.load(path).fingerprint == made.fingerprint != made.observed().fingerprint


def test_who_is_held_out_does_not_depend_on_open_records() -> None:
    made = panel(record("a"), record("b", split="test"))
    assert made.open(years=[2001]).held_out == made.held_out
