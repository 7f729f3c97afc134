"""Values of covariates that a model has never seen, counted exactly and never stored as words."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import laborllm as ll
from laborllm.models.runs.run_folder import FILE
from laborllm.models.runs.seen import seen_by_all, seen_values, unknown_values
from laborllm.panel import Panel
from laborllm.panel.files.store import PanelFile


def respelt(panel: Panel, worker: int, **values: str | None) -> Panel:
    """`panel` with other words in the records of the workers from w0 to `worker`."""
    chosen = pl.col("worker").is_in([f"w{number}" for number in range(worker + 1)])
    words = [pl.when(chosen).then(pl.lit(value)).otherwise(name).alias(name) for name, value in values.items()]
    return panel.part(panel.records.with_columns(words))


def test_counts_are_exact(panel: Panel) -> None:
    other = respelt(respelt(panel, 14, education="HS", region=None), 2, education="gibberish", gender="F")
    found = unknown_values(seen_values(panel), other)
    assert found.rows() == [
        ("education", "HS", 4 + 5 + 6 + 21 + 1 + 2 + 3, 12),
        ("education", "gibberish", 1 + 2 + 3, 3),
        ("gender", "F", 1 + 2 + 3, 3),
    ]
    assert unknown_values(seen_values(panel, {"education"}), other)["covariate"].to_list() == ["gender"]


def test_a_file_gives_what_its_panel_gives(panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = seen_values(panel.part(panel.records.head(3)))
    panel.save(tmp_path / "panel.parquet")
    whole = unknown_values(seen, panel)
    assert len(whole)
    monkeypatch.setattr("laborllm.models.runs.seen.PORTION", 7)
    assert unknown_values(seen, PanelFile.open(tmp_path / "panel.parquet")).equals(whole)


@given(st.sets(st.sampled_from(["college", "high school", "some college"]), min_size=1))
def test_what_was_seen_is_known_and_nothing_else(panel: Panel, words: set[str]) -> None:
    training = panel.part(panel.records.filter(pl.col("education").is_in(words)))
    found = unknown_values(seen_values(training, {"gender", "ethnicity", "region"}), panel)
    held = panel.records.filter(pl.col("education").is_not_null(), ~pl.col("education").is_in(words))
    assert set(found["value"]) == set(held["education"])
    assert found["records"].sum() == len(held)


def test_a_model_of_several_knows_what_all_that_read_a_covariate_know() -> None:
    one, other = {"education": ["a", "b"], "region": ["c"]}, {"education": ["b", "d"]}
    assert seen_by_all([one, other, {}]) == {"education": ["b"], "region": ["c"]}
    assert seen_by_all([]) == {}


def test_a_run_folder_keeps_what_was_seen_but_no_word_of_it(panel: Panel, tmp_path: Path) -> None:
    rare = respelt(panel, 59, ethnicity="a rare word")
    fitted = ll.fit("logit", rare, out=tmp_path / "run")
    other = respelt(rare, 59, education="HS")
    assert ll.unknown_values(tmp_path / "run", other).rows() == [("education", "HS", len(panel), panel.workers)]
    assert ll.unknown_values(fitted, rare).is_empty()
    assert "a rare word" not in (tmp_path / "run" / FILE).read_text()


def test_frequencies_of_transitions_read_no_covariate(panel: Panel) -> None:
    assert ll.unknown_values(ll.fit("transition", panel), respelt(panel, 59, education="HS")).is_empty()
