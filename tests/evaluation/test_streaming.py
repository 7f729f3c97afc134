"""An evaluation of a file is that of the panel that is loaded whole, whatever is in memory at a time."""

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import laborllm as ll
from evaluation.synthetic import careers, forecast, two_models
from laborllm.errors import LaborLLMError, OptionError, PanelError, StorageError
from laborllm.evaluation import Evaluation, draws
from laborllm.evaluation.arrays import Indices, Numbers, compact
from laborllm.evaluation.draws import Draws
from laborllm.evaluation.metrics.perplexity import Loss
from laborllm.evaluation.scores import ordered, portions
from laborllm.evaluation.scores.files import ScoreFiles
from laborllm.evaluation.scores.records import Records
from laborllm.models.contract import Fitted
from laborllm.panel import Panel, assign_split
from laborllm.panel.files import store
from laborllm.panel.files.store import PanelFile
from laborllm.storage import temporary_folder

DESIGN = {"by": ["transition", "gender*region", "decade"], "weights": "sampling", "cluster": "household", "draws": 40}


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Careers in split test, two workers to a household, every fifth worker with an open record."""
    given = careers(120, seed=3)
    number = pl.col("worker").str.slice(1).cast(pl.Int64)
    housed = replace(given, records=given.records.with_columns(household=number // 2))
    ends = housed.records.filter(number % 5 == 0).group_by("worker", maintain_order=True).last()
    opened = ends.with_columns(year=(pl.col("year") + 1).cast(pl.Int16), occupation=pl.lit(None, pl.String))
    return replace(housed, records=pl.concat([housed.records, opened.select(housed.records.columns)]))


@pytest.fixture(scope="module")
def file(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("streaming") / "panel.parquet"
    panel.save(path)
    return path


@pytest.fixture(scope="module")
def models(panel: Panel) -> dict[str, ll.Forecast]:
    return two_models(panel.observed())


@pytest.fixture(scope="module")
def whole(panel: Panel, models: dict[str, ll.Forecast]) -> Evaluation:
    return ll.evaluate(models, panel, **DESIGN)  # type: ignore[arg-type]


def records_of(worker: Indices, weight: Numbers) -> Records:
    return Records(worker, worker, weight, np.zeros((1, len(worker)), dtype=np.int64))


def require_equal(one: Evaluation, other: Evaluation) -> None:
    for name in ("estimates", "comparisons", "reliability", "flows"):
        assert_frame_equal(getattr(one, name), getattr(other, name), rel_tol=1e-9)
    assert (one.open_records, one.about) == (other.open_records, other.about)


@settings(max_examples=5)
@given(records=st.integers(1, 900), block=st.integers(20, 900), together=st.integers(100, 900))
def test_a_file_is_evaluated_as_the_panel_whatever_the_blocks(
    file: Path, models: dict[str, ll.Forecast], whole: Evaluation, records: int, block: int, together: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordered, "TOGETHER", together)
        patch.setattr(ordered, "SAMPLED", 1)
        patch.setattr(draws, "CHUNK", 40 * together)
        patch.setattr(store, "ROWS_TOGETHER", block)
        patch.setattr(portions, "RECORDS", records)
        require_equal(ll.evaluate(models, file, **DESIGN), whole)  # type: ignore[arg-type]


def test_a_path_may_be_text(file: Path, models: dict[str, ll.Forecast], whole: Evaluation) -> None:
    found = ll.evaluate(models, str(file), metrics=["brier"], draws=40)
    expected = whole.row("oracle", "brier")["records"]
    assert found.row("oracle", "brier")["records"] == expected


def test_open_records_are_left_out_and_counted(panel: Panel, whole: Evaluation) -> None:
    assert whole.open_records == 24
    assert whole.row("oracle", "perplexity")["records"] == len(panel) - 24


@pytest.mark.parametrize("workers", [None, 40])
def test_a_split_and_a_draw_of_a_file_are_those_of_the_panel(workers: int | None, tmp_path: Path) -> None:
    panel = ll.import_synthetic(workers=300)
    panel.save(tmp_path / "panel.parquet")
    fitted = {"counts": ll.fit("transition", panel)}
    options = {"split": "valid" if workers is None else None, "workers": workers, "seed": 4, "draws": 40}
    one, other = (
        ll.evaluate(fitted, source, metrics=["perplexity", "auc_change"], **options)  # type: ignore[arg-type]
        for source in (panel, tmp_path / "panel.parquet")
    )
    require_equal(one, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": ["income"]}, r"unknown group 'income': use transition, .*region.*household, or a crossing"),
        ({"weights": "income"}, r"the panel has no column 'income' for weights: use worker, .*region"),
        ({"cluster": "income"}, r"the panel has no column 'income' for clusters or strata: use worker, .*household"),
        ({"strata": "income"}, "the panel has no column 'income' for clusters or strata"),
        ({"by": ["gender", "gender"]}, "a group is named twice in gender, gender"),
    ],
)
def test_what_a_file_does_not_have_is_named_with_what_it_has(
    options: dict[str, object], message: str, file: Path, models: dict[str, ll.Forecast]
) -> None:
    with pytest.raises(OptionError, match=message):
        ll.evaluate(models, file, metrics=["brier"], draws=40, **options)  # type: ignore[arg-type]


def test_careers_that_are_all_open_cannot_be_scored(panel: Panel, models: dict[str, ll.Forecast]) -> None:
    ends = panel.records.group_by("worker", maintain_order=True).last().select(panel.records.columns)
    asked = replace(panel, records=ends.with_columns(occupation=pl.lit(None, pl.String)))
    with pytest.raises(PanelError, match="all 120 records are open: none has an occupation to score"):
        ll.evaluate(models, asked, draws=40)


def test_no_more_than_a_portion_is_forecast_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = ll.import_synthetic(workers=80)
    fitted = ll.fit("transition", panel)
    sizes: list[int] = []

    class Watched:
        record = fitted.record

        def forecast(self, given: Panel, *, scoring: ll.ScoringOptions | None = None) -> ll.Forecast:
            sizes.append(len(given))
            return fitted.forecast(given)

        def log_likelihood(self, given: Panel, *, scoring: ll.ScoringOptions | None = None) -> object:
            return fitted.log_likelihood(given)

    monkeypatch.setattr(portions, "RECORDS", 50)
    longest = panel.records.group_by("worker").len()["len"].to_numpy().max()
    ll.evaluate({"m": Watched()}, panel, split=None, metrics=["brier"], draws=40)  # type: ignore[dict-item]
    assert sum(sizes) == len(panel)
    assert max(sizes) <= 50 + int(longest)


def test_temporary_files_are_gone_after(
    panel: Panel, models: dict[str, ll.Forecast], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after an error while they are there."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ll.evaluate(models, panel, metrics=["brier"], draws=40)
    assert not list(tmp_path.iterdir())
    other = forecast(careers(5, seed=9), 0.5)
    with pytest.raises(LaborLLMError):
        ll.evaluate({"m": other}, panel, metrics=["brier"], draws=40)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line_with_what_to_do(
    panel: Panel, models: dict[str, ll.Forecast], small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    (small_disk / "filler").write_bytes(os.urandom(2**20 - 2**13))
    with pytest.raises(StorageError, match=r"^cannot write what is evaluated to .*: No space left on device$") as e:
        ll.evaluate(models, panel, draws=40)
    assert e.value.hint == "name a place with more room in TMPDIR"
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


@given(st.lists(st.lists(st.floats(allow_nan=False, width=64), max_size=6), min_size=1, max_size=5))
def test_scores_come_back_as_they_were_appended(blocks: list[list[float]]) -> None:
    with temporary_folder() as folder:
        files = ScoreFiles(folder, [Loss(), Loss(raw=True)])
        for block in blocks:
            files.append(Loss(), np.array(block))
            files.append(Loss(raw=True), None)
        kept = files[Loss()]
        assert kept is not None
        for _ in range(2):
            assert [block.tolist() for block in kept] == blocks
        assert files[Loss(raw=True)] is None
        assert (list(files), len(files)) == ([Loss(), Loss(raw=True)], 2)


@given(
    keys=st.lists(st.sampled_from([-np.inf, -1.5, 0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=60),
    part=st.integers(1, 30),
    together=st.integers(1, 20),
)
def test_records_in_order_are_all_there_and_each_range_is_above_the_last(
    keys: list[float], part: int, together: int
) -> None:
    size = len(keys)
    whole = records_of(np.arange(size), np.array(keys))
    parts = [whole.at(slice(start, start + part)) for start in range(0, size, part)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordered, "TOGETHER", together)
        patch.setattr(ordered, "SAMPLED", 1)
        with ordered.in_order(parts, lambda each: each.weight) as ranges:
            blocks = [list(each) for each in ranges]
    found = whole.joined([each for range_ in blocks for each in range_])
    assert found.worker.tolist() == np.argsort(keys, kind="stable").tolist()
    assert found.weight.tolist() == sorted(keys)
    for range_ in blocks:
        assert len(range_) <= 1 or len({key for each in range_ for key in each.weight}) == 1
    for one, other in pairwise([each for each in blocks if each]):
        assert one[-1].weight[-1] < other[0].weight[0]


def test_many_records_of_one_key_are_not_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered, "TOGETHER", 32)
    parts = [records_of(np.arange(20), np.where(np.arange(20) < 15, 0.5, at / 100)) for at in range(50)]
    with ordered.in_order(parts, lambda each: each.weight) as ranges:
        sizes = [len(each) for range_ in ranges for each in range_]
    assert sum(sizes) == 1000
    assert max(sizes) < 4 * 32


@given(st.lists(st.integers(-1, 2**40), max_size=20))
def test_compact_numbers_are_the_numbers(numbers: list[int]) -> None:
    found = compact(np.array(numbers, dtype=np.int64))
    assert found.tolist() == numbers
    largest = max(numbers, default=0)
    assert found.itemsize == (1 if largest < 2**7 else 2 if largest < 2**15 else 4 if largest < 2**31 else 8)


def test_sums_by_cells_are_those_of_the_records_in_them() -> None:
    """Of numbers that are the same in both partitions, and of others in each."""
    rng = np.random.default_rng(0)
    cluster, weight = rng.integers(6, size=40), rng.uniform(size=40)
    cluster[:6] = np.arange(6)
    values, inside = rng.normal(size=(3, 2, 40)), rng.random(40) < 0.4
    cell = rng.integers(-1, 2, size=40)
    records = Records(cluster, cluster, weight, np.stack([np.where(inside, 0, -1), np.where(cell < 0, -1, 1 + cell)]))
    for given_values in (values, values[:, 0]):
        clusters, found = records.sums(given_values, 3)
        assert clusters.tolist() == list(range(6))
        for each in range(6):
            for at, members in enumerate((inside, cell == 0, cell == 1)):
                chosen = members & (cluster == each)
                own = given_values if given_values.ndim == 2 else given_values[:, int(at > 0)]
                np.testing.assert_allclose(found[each, :, at], (weight * own)[:, chosen].sum(axis=1), atol=1e-12)


def test_workers_of_a_cell_are_counted_once() -> None:
    cells = np.array([[0, 0, 1, 0, -1], [2, 2, 2, 2, 2]])
    records = Records(np.array([7, 7, 7, 8, 9]), np.arange(5), np.ones(5), cells)
    assert records.workers_in(4).tolist() == [2, 1, 3, 0]


def test_totals_of_draws_do_not_depend_on_how_sums_are_parted() -> None:
    """Nor on the order of the clusters, which may be in several parts."""
    sums = np.random.default_rng(3).normal(size=(30, 2))
    found = Draws(30, draws=50)
    whole = found.totals([(np.arange(30), sums)])
    odd, even = np.arange(1, 30, 2), np.arange(0, 30, 2)
    parted = found.totals([(odd, sums[odd] / 2), (even, sums[even]), (odd, sums[odd] / 2)])
    np.testing.assert_allclose(parted, whole)
    np.testing.assert_allclose(whole[0], sums.sum(axis=0))


def test_draws_without_room_are_one_line(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    with pytest.raises(StorageError, match=r"^cannot write what is evaluated to .*: No space left on device$"):
        Draws(2**11).totals([(np.arange(2), np.ones((2, 1)))])
    assert not list(small_disk.iterdir())


def test_who_is_held_out_and_what_a_file_says_of_itself(tmp_path: Path) -> None:
    panel = ll.import_synthetic(workers=80)
    panel.save(tmp_path / "panel.parquet")
    read = PanelFile.open(tmp_path / "panel.parquet")
    assert (read.held_out, read.dataset, read.taxonomy) == (panel.held_out, panel.dataset, panel.taxonomy)
    assert read.provenance == panel.provenance
    fitted = ll.fit("transition", panel)
    fitted.record.lineage.require_held_out_by(read)


def test_a_model_of_another_split_is_refused_by_the_file_too(tmp_path: Path) -> None:
    panel = ll.import_synthetic(workers=80)
    other = panel.with_records(assign_split(panel.records.drop("split"), seed=7))
    other.save(tmp_path / "other.parquet")
    fitted: Fitted = ll.fit("transition", panel)
    with pytest.raises(LaborLLMError, match="was fitted on another split of SYNTHETIC"):
        fitted.record.lineage.require_held_out_by(PanelFile.open(tmp_path / "other.parquet"))
