"""What holds of open records: they add and take away, nobody's past changes, and a fit does not see them."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import laborllm as ll
from laborllm.errors import PanelError
from laborllm.evaluation import evaluate
from laborllm.models.contract import Fitted
from laborllm.models.counts.specs import Transition
from laborllm.panel import Panel
from laborllm.panel.history import History
from laborllm.panel.summary import summarise

FEW = settings(max_examples=15)
LAST = 2000  # of the records of all careers
YEARS = st.sets(st.integers(LAST + 1, LAST + 30), min_size=1, max_size=4)


@FEW
@given(years=YEARS)
def test_opening_adds_a_record_a_year_and_taking_them_away_undoes_it(panel: Panel, years: set[int]) -> None:
    opened = panel.open(sorted(years))
    assert opened.open_records == len(years) * panel.workers
    assert len(opened) == len(panel) + opened.open_records
    assert opened.workers == panel.workers
    assert_frame_equal(opened.observed().records, panel.records)
    assert opened.observed().fingerprint == panel.fingerprint != opened.fingerprint
    asked = opened.records.filter(pl.col("occupation").is_null())
    assert asked.group_by("worker").agg(pl.col("year").sort())["year"].to_list() == [sorted(years)] * panel.workers


@FEW
@given(years=YEARS)
def test_what_is_known_of_a_worker_is_carried_on(panel: Panel, years: set[int]) -> None:
    housed = replace(panel, records=panel.records.with_columns(household=pl.col("worker").str.slice(1, 1)))
    opened = housed.open(years)
    last = housed.records.group_by("worker", maintain_order=True).last()
    for year in years:
        asked = opened.records.filter(pl.col("year") == year, pl.col("occupation").is_null())
        same = [name for name in asked.columns if name not in ("year", "occupation")]
        assert_frame_equal(asked.select(same), last.select(same))


@FEW
@given(years=YEARS, again=st.integers(0, 5))
def test_opening_twice_is_opening_all(panel: Panel, years: set[int], again: int) -> None:
    later = max(years) + 1 + again
    twice, once = panel.open(years).open([later]), panel.open([*years, later])
    assert twice.fingerprint == once.fingerprint


@FEW
@given(year=st.integers(1900, LAST + 30))
def test_a_year_is_opened_only_after_every_career(panel: Panel, year: int) -> None:
    ends = panel.records.group_by("worker").agg(pl.col("year").max())["year"]
    late = int((ends >= year).sum())
    if late:
        with pytest.raises(PanelError, match=rf"^{late:,} careers have a record in {year} or later"):
            panel.open([year])
    else:
        assert panel.open([year]).open_records == panel.workers


@FEW
@given(year=st.integers(LAST + 1, LAST + 30), seed=st.integers(0, 2**32 - 1))
def test_the_past_of_an_open_record_is_that_of_the_record_closed(panel: Panel, year: int, seed: int) -> None:
    opened = panel.open([year])
    is_open = opened.records["occupation"].is_null()
    codes = np.random.default_rng(seed).choice(panel.taxonomy.codes, size=len(opened))
    drawn = pl.Series("drawn", codes, pl.String)
    closed = opened.with_records(
        opened.records.with_columns(pl.when(is_open).then(drawn).otherwise("occupation").alias("occupation"))
    )
    one, other = History.of(opened), History.of(closed)
    for name in ("previous", "before_previous", "position", "gap", "tenure", "years_seen"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.kind.null_count() == panel.workers
    assert (one.occupation[is_open.to_numpy()] == len(panel.taxonomy)).all()
    gaps = year - panel.records.group_by("worker", maintain_order=True).last()["year"].to_numpy().astype(int)
    np.testing.assert_array_equal(one.gap[is_open.to_numpy()], gaps)


@pytest.mark.parametrize("variant", ["two-part", "plain", "second-order"])
def test_a_fit_does_not_see_open_records(panel: Panel, variant: str) -> None:
    spec = Transition(variant=variant)  # type: ignore[arg-type]
    one, other = spec.fit(panel), spec.fit(panel.open([LAST + 5]))
    np.testing.assert_array_equal(one.forecast(panel).log_prob, other.forecast(panel).log_prob)
    assert (one.record.records, one.record.workers) == (other.record.records, other.record.workers)


def test_an_evaluation_does_not_see_them_either(two_part: Fitted, panel: Panel) -> None:
    options = {"split": None, "metrics": ["perplexity", "brier"], "draws": 40}
    one, other = (evaluate({"m": two_part}, each, **options) for each in (panel, panel.open([LAST + 5])))  # type: ignore[arg-type]
    assert_frame_equal(one.estimates, other.estimates)
    assert (one.open_records, other.open_records) == (0, panel.workers)


@FEW
@given(gap=st.integers(1, 12))
def test_next_year_is_the_forecast_of_a_panel_opened_there(two_part: Fitted, panel: Panel, gap: int) -> None:
    asked = ll.forecast(two_part, panel, year=LAST + gap)
    by_hand = two_part.forecast(panel.open([LAST + gap])).only_open()
    assert_frame_equal(asked.records, by_hand.records)
    np.testing.assert_array_equal(asked.log_prob, by_hand.log_prob)


@FEW
@given(years=YEARS)
def test_a_summary_counts_them_apart(panel: Panel, years: set[int]) -> None:
    one, other = summarise(panel), summarise(panel.open(years))
    assert (one.open_records, other.open_records) == (0, len(years) * panel.workers)
    assert other.stay_rate == one.stay_rate


def test_files_keep_them(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("open") / "panel.parquet"
    panel.open([LAST + 1, LAST + 3]).save(path)
    read = ll.read_panel(path)
    assert read.open_records == 2 * panel.workers
    assert read.fingerprint == panel.open([LAST + 1, LAST + 3]).fingerprint
