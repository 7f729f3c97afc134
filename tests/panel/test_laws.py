"""What holds of any panel: parts are whole careers, splits partition them, draws are repeatable, files hold them."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from laborllm.errors import PanelError
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.panel.panel import fingerprint
from laborllm.panel.schema import SCHEMA, SPLITS

MANY = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 10_000)
TOWN = Taxonomy.from_occupations("town", [("1", "Cooks", "Food"), ("2", "Waiters", "Food"), ("3", "Tellers", "Banks")])


def made(seed: int, *, opened: bool = False) -> Panel:
    """Up to thirty workers of one to six records in any order, some with an open record at the end."""
    generator = np.random.default_rng(seed)
    rows: list[tuple[str, int, str | None, str]] = []
    for worker in range(int(generator.integers(3, 31))):
        split = SPLITS[worker % 3]
        years = generator.choice(30, size=generator.integers(1, 7), replace=False) + 1980
        for year in sorted(years.tolist()):
            rows.append((f"w{worker}", year, str(generator.integers(1, 4)), split))
        if opened and generator.random() < 0.5:
            rows.append((f"w{worker}", 2015, None, split))
    frame = pl.DataFrame(rows, ["worker", "year", "occupation", "split"], orient="row")
    return Panel(frame.sample(fraction=1, shuffle=True, seed=seed), TOWN, "TOWN", Provenance("drawn"))


def careers(panel: Panel) -> dict[str, list[tuple[int, str | None]]]:
    """Year and occupation of each record, by worker."""
    found: dict[str, list[tuple[int, str | None]]] = {}
    for worker, year, occupation in panel.records.select("worker", "year", "occupation").iter_rows():
        found.setdefault(worker, []).append((year, occupation))
    return found


def are_whole(part: Panel, panel: Panel) -> bool:
    """Whether every career of a part is that of the panel, and they come in its order."""
    ours, theirs = careers(part), careers(panel)
    order = [worker for worker in theirs if worker in ours]
    return list(ours) == order and all(ours[worker] == theirs[worker] for worker in ours)


@MANY
@given(SEEDS)
def test_records_are_in_order_and_counted(seed: int) -> None:
    panel = made(seed, opened=True)
    keys = panel.records.select("worker", "year").rows()
    assert keys == sorted(keys)
    assert panel.workers == len(careers(panel))
    assert panel.open_records == sum(code is None for career in careers(panel).values() for _, code in career)
    assert tuple(panel.records.columns) == tuple(SCHEMA)


@MANY
@given(SEEDS)
def test_splits_are_whole_careers_and_all_of_them(seed: int) -> None:
    panel = made(seed, opened=True)
    parts = [panel.subset(split) for split in SPLITS]
    assert all(are_whole(part, panel) for part in parts)
    assert sum(len(part) for part in parts) == len(panel)
    workers = [set(careers(part)) for part in parts]
    assert not set.intersection(*workers)
    assert set.union(*workers) == set(careers(panel))


@MANY
@given(SEEDS, st.integers(1, 40), SEEDS)
def test_a_draw_is_of_as_many_whole_careers_and_repeats(seed: int, count: int, other: int) -> None:
    panel = made(seed)
    drawn = panel.sample(count, seed=other)
    assert drawn.workers == min(count, panel.workers)
    assert are_whole(drawn, panel)
    assert_frame_equal(drawn.records, panel.sample(count, seed=other).records)
    assert_frame_equal(panel.draw(None, count, seed=other).records, drawn.records)
    in_train = panel.draw("train", count, seed=other)
    assert_frame_equal(in_train.records, panel.subset("train").sample(count, seed=other).records)
    assert panel.draw(None, None, seed=other) is panel


@MANY
@given(SEEDS, st.integers(1, 40), SEEDS)
def test_fewer_to_train_on_leave_the_others_as_they_are(seed: int, count: int, other: int) -> None:
    panel = made(seed)
    fewer = panel.with_training(count, seed=other)
    assert fewer.subset("train").workers == min(count, panel.subset("train").workers)
    for split in ("valid", "test"):
        assert_frame_equal(fewer.subset(split).records, panel.subset(split).records)
    assert fewer.held_out == panel.held_out


@MANY
@given(SEEDS, st.integers(1, 60))
def test_portions_are_the_panel_in_pieces(seed: int, records: int) -> None:
    panel = made(seed, opened=True)
    parts = list(panel.portions(records))
    assert all(are_whole(part, panel) for part in parts)
    assert_frame_equal(pl.concat([part.records for part in parts]), panel.records)
    longest = max(map(len, careers(panel).values()))
    assert all(records <= len(part) < records + longest for part in parts[:-1])
    frames = [part.records for part in parts]
    assert fingerprint(panel.taxonomy, panel.dataset, frames) == panel.fingerprint


@MANY
@given(SEEDS)
def test_what_is_observed_is_all_but_the_open_records(seed: int) -> None:
    panel = made(seed, opened=True)
    known = panel.observed()
    assert len(known) == len(panel) - panel.open_records
    assert known.open_records == 0
    assert known.observed() is known


@MANY
@given(SEEDS)
def test_fingerprints_tell_panels_apart_and_not_their_order(seed: int) -> None:
    panel = made(seed)
    shuffled = panel.records.sample(fraction=1, shuffle=True, seed=seed)
    assert replace(panel, records=shuffled).fingerprint == panel.fingerprint
    year = pl.when(pl.int_range(pl.len()) == 0).then(pl.col("year") - 70).otherwise("year")
    changed = [
        replace(panel, records=panel.records.with_columns(year=year)),
        replace(panel, records=panel.records.with_columns(region=pl.lit("west"))),
        replace(panel, records=panel.records.with_columns(own=pl.lit(1))),
        replace(panel, dataset="VILLAGE"),
        replace(panel, taxonomy=TOWN.with_states(["unemployed"])),
    ]
    assert len({panel.fingerprint, *(each.fingerprint for each in changed)}) == 6


@MANY
@given(seed=SEEDS)
def test_a_file_holds_all_of_a_panel(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    panel = replace(
        made(seed, opened=True),
        provenance=Provenance("drawn", {"a.csv": "0" * 64}, 100, {"no year": 3}, {"note": "of one line"}),
    )
    path = tmp_path_factory.mktemp("panel") / "panel.parquet"
    panel.save(path)
    read = Panel.load(path)
    assert_frame_equal(read.records, panel.records)
    assert (read.taxonomy, read.dataset, read.provenance) == (panel.taxonomy, panel.dataset, panel.provenance)
    assert (read.weight_kind, read.split_by) == (panel.weight_kind, panel.split_by)


def test_rows_are_accounted_for() -> None:
    found = Provenance("drawn", rows_in=100, left_out={"no year": 3, "no code": 7}).row_counts
    assert found == [("read", 100), ("no year", -3), ("no code", -7), ("kept", 90)]


@pytest.mark.parametrize("workers", [0, -3])
def test_nobody_cannot_be_drawn(workers: int) -> None:
    for draw in (made(0).sample, made(0).with_training):
        with pytest.raises(PanelError, match=f"cannot draw {workers} workers: at least 1 is needed"):
            draw(workers, seed=0)


def test_what_a_panel_has_not_cannot_be_selected() -> None:
    panel = made(1)
    with pytest.raises(PanelError, match="unknown split 'all': use train, valid, test"):
        panel.subset("all")
    with pytest.raises(PanelError, match="the selection holds no records"):
        panel.part(panel.records.head(0))
    closed = panel.records.with_columns(occupation=pl.lit(None, pl.String))
    with pytest.raises(PanelError, match="records are open: none has an occupation to learn from or to score"):
        panel.part(closed).observed()
    with pytest.raises(PanelError, match="no year to open records for: give at least one"):
        panel.open([])


def test_what_is_printed_of_a_panel_is_its_size() -> None:
    panel = made(2)
    assert repr(panel) == f"Panel(TOWN: {len(panel)} records of {panel.workers} workers over 3 occupations of town)"
