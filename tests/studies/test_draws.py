"""Draws of workers, folds and windows, and the cells of the study's tables, for any panel and any number."""

import math
from collections import Counter
from dataclasses import astuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.panel import Panel
from laborllm.panel.split import COPY, resample_training
from laborllm.studies.protocol.draws import WINDOW, recent_windows
from laborllm.studies.protocol.panels import Panels
from laborllm.studies.protocol.question import all_above, all_below, verdict
from laborllm.studies.protocol.versions import Hidden, Resplit, Share, Until, Version
from laborllm.studies.questions.common import listed, two_decimals, with_interval
from laborllm.studies.questions.forecasts.uncertainty import Variance
from laborllm.studies.questions.training.data_and_size import Curve

SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=15, deadline=None)


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """Careers with gaps, some in split test, some without a household."""
    rows = []
    for worker in range(draw(st.integers(1, 6))):
        years = draw(st.sets(st.integers(2000, 2012), min_size=1, max_size=6))
        household = draw(st.none() | st.integers(0, 2))
        split = draw(st.sampled_from(["train", "train", "test"]))
        rows += [(f"w{worker}", year, household, split) for year in sorted(years)]
    schema = {"worker": pl.String, "year": pl.Int64, "household": pl.Int64, "split": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


@FEW
@given(frames(), SEEDS)
def test_as_many_units_are_drawn_as_there_are(records: pl.DataFrame, seed: int) -> None:
    drawn = resample_training(records, "household", seed=seed)
    unit = pl.coalesce(pl.col("household").cast(pl.String), "worker")
    train = records.filter(split="train")
    units = train.select(unit).to_series().n_unique()
    copies = drawn.filter(split="train").with_columns(
        copy=pl.col("worker").str.extract(rf"{COPY}(\d+)$").fill_null("0"),
        worker=pl.col("worker").str.replace(rf"{COPY}\d+$", ""),
    )
    times = copies.with_columns(unit=unit).select("unit", "copy").n_unique()
    assert times == units
    originals = train.rows_by_key("worker")
    for (worker, _), rows in copies.group_by("worker", "copy"):
        assert sorted(rows["year"]) == sorted(year for year, *_ in originals[str(worker)])
    assert drawn.filter(pl.col("split") != "train").equals(records.filter(pl.col("split") != "train"))
    assert not drawn.select("worker", "year").is_duplicated().any()


@FEW
@given(frames(), st.integers(0, 5))
def test_windows_end_with_their_own_record(records: pl.DataFrame, last: int) -> None:
    made = recent_windows(records, last, "records")
    assert made["worker"].n_unique() == records.height
    for (name,), rows in made.group_by("worker", maintain_order=True):
        worker, _, year = str(name).partition(WINDOW)
        own = sorted(records.filter(worker=worker)["year"])
        before = [each for each in own if each <= int(year)]
        assert sorted(rows["year"]) == before[max(0, len(before) - last - 1) :]
    none, all_of_it = recent_windows(records, 0, "years"), recent_windows(records, 100, "years")
    assert none.height == records.height
    assert all_of_it.height == sum(size * (size + 1) // 2 for size in Counter(records["worker"]).values())


@FEW
@given(seed=SEEDS, folds=st.integers(2, 5))
def test_whatever_the_seed_everybody_is_tested_once(panels: Panels, careers: Panel, seed: int, folds: int) -> None:
    tested: Counter[str] = Counter()
    for fold in range(folds):
        made = (Version("ONE") + Resplit(seed, fold, folds)).make(panels)
        assert made.records.drop("split").equals(careers.records.drop("split"))
        tested.update(made.records.filter(split="test")["worker"].unique())
    assert tested == Counter(dict.fromkeys(careers.records["worker"].unique(), 1))


@FEW
@given(share=st.floats(0.01, 1), seed=SEEDS)
def test_a_share_is_of_the_training_workers_only(panels: Panels, careers: Panel, share: float, seed: int) -> None:
    made = (Version("ONE") + Share(share, seed)).make(panels)
    train = careers.subset("train").workers
    assert made.subset("train").workers == max(1, round(share * train))
    rest = pl.col("split") != "train"
    assert made.records.filter(rest).equals(careers.records.filter(rest))
    assert set(made.records["worker"]) <= set(careers.records["worker"])


@FEW
@given(year=st.integers(2004, 2012))
def test_until_a_year_and_then_an_earlier_one_is_until_the_earlier(panels: Panels, year: int) -> None:
    once = (Version("ONE") + Until(year)).make(panels)
    twice = (Version("ONE") + Until(year + 3) + Until(year)).make(panels)
    assert once.records.equals(twice.records)


@FEW
@given(seed=SEEDS)
def test_permuting_gives_each_worker_one_value_for_life(panels: Panels, careers: Panel, seed: int) -> None:
    made = (Version("ONE") + Hidden("birth_year", permuted=True, seed=seed)).make(panels).subset("test").records
    per_worker = made.group_by("worker").agg(pl.col("birth_year").n_unique())["birth_year"]
    assert set(per_worker) == {1}
    own = careers.subset("test").records.unique("worker")["birth_year"].sort()
    assert made.unique("worker")["birth_year"].sort().equals(own)


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(0.01, 1)), max_size=5), st.floats(-1, 1))
def test_above_a_value_is_below_it_turned_round(found: list[tuple[float, float]], value: float) -> None:
    intervals = [(low, low + width) for low, width in found]
    turned = [(-high, -low) for low, high in intervals]
    assert all_above(intervals, value) == all_below(turned, -value)
    if all_above(intervals, value):
        assert all(low > value for low, _ in intervals)
    if all_above(intervals, value) is False:
        assert any(high < value for _, high in intervals)


@pytest.mark.parametrize(("holds", "word"), [(True, "replicates"), (False, "does not replicate"), (None, "left open")])
def test_a_verdict_is_one_of_three_words(holds: bool | None, word: str) -> None:
    assert (verdict(holds, "Why.").holds, verdict(holds, "Why.").why) == (word, "Why.")


@FEW
@given(st.floats(1.5, 3), st.floats(0.5, 4), st.sampled_from([0.2, 0.5, 0.8]))
def test_a_curve_without_noise_is_found_again(floor: float, slope: float, rate: float) -> None:
    careers = [50, 200, 1000, 4000]
    found = Curve.fit(careers, [math.exp(floor + slope * n**-rate) for n in careers])
    assert astuple(found) == pytest.approx((floor, slope, rate), rel=2e-2)
    assert found.careers_at(math.exp(floor + slope * 700**-rate)) == pytest.approx(700, rel=0.05)


@given(st.lists(st.floats(1, 5), min_size=2, max_size=8), st.lists(st.floats(1, 5), min_size=2, max_size=4))
def test_shares_of_variance_are_of_variances_and_add_to_one(refits: list[float], seeds: list[float]) -> None:
    found = Variance.of(np.array(refits), np.array(seeds), 0.3)
    assert found.total == pytest.approx(np.var(refits, ddof=1) + np.var(seeds, ddof=1) + 0.3)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert min(found.shares.values()) >= 0


def test_cells_and_sentences_of_numbers() -> None:
    assert with_interval(0.811, 0.803, 0.82) == "0.811 (0.803 to 0.820)"
    assert with_interval(0.811, None, None) == "0.811"
    assert [two_decimals(value) for value in (8.184, 99.994, 123.4)] == ["8.18", "99.99", "123"]
    assert [listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
