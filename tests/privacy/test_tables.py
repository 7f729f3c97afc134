"""Tables that may be shown: nothing small is in them or follows from them, and no more than needed is hidden."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.privacy import SMALLEST_CELL, CellTable, withhold, withhold_counts

MANY = settings(max_examples=40, deadline=None)
SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=9)


def shown_of(sizes: list[int]) -> list[int]:
    found: list[int] = withhold_counts(pl.DataFrame({"workers": sizes}))["workers"].to_list()
    return found


@MANY
@given(SIZES)
def test_no_small_count_is_shown_or_follows_from_the_total(sizes: list[int]) -> None:
    shown = shown_of(sizes)
    hidden = sum(sizes) - sum(shown)
    assert all(size >= SMALLEST_CELL for size in shown)
    assert hidden == 0 or hidden >= SMALLEST_CELL or not shown
    if shown and hidden:
        assert len(sizes) - len(shown) >= 2  # a single count that is hidden is the total less the others


@MANY
@given(SIZES)
def test_the_largest_counts_are_the_ones_shown(sizes: list[int]) -> None:
    """Of the largest counts as many are shown as may be: one more would give something away."""
    shown, ordered = shown_of(sizes), sorted(sizes, reverse=True)
    assert sorted(shown, reverse=True) == ordered[: len(shown)]
    if len(shown) < len(sizes):
        left = ordered[len(shown) + 1 :]
        next_largest = ordered[len(shown)]
        gives_away = next_largest < SMALLEST_CELL or (any(size < SMALLEST_CELL for size in sizes) and len(left) < 2)
        assert gives_away or sum(left) < SMALLEST_CELL


@MANY
@given(SIZES, st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_changes_nothing_and_is_kept(sizes: list[int], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(sizes))
    shuffled = [sizes[at] for at in order]
    assert sorted(shown_of(shuffled)) == sorted(shown_of(sizes))
    found = withhold_counts(pl.DataFrame({"row": range(len(sizes)), "workers": sizes}))
    assert found["row"].is_sorted()


@MANY
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 30)), min_size=1, max_size=12))
def test_totals_are_protected_each_by_itself(cells: list[tuple[str, int]]) -> None:
    frame = pl.DataFrame(cells, {"total": pl.String, "workers": pl.Int64}, orient="row")
    found = withhold_counts(frame, ["total"])
    for name in {total for total, _ in cells}:
        own = [size for total, size in cells if total == name]
        assert found.filter(total=name)["workers"].to_list() == shown_of(own)


def records(workers: int, seed: int) -> pl.DataFrame:
    """One to three records of each worker, in cells of two columns, some of which are missing."""
    generator = np.random.default_rng(seed)
    worker = np.repeat(np.arange(workers), generator.integers(1, 4, size=workers))
    columns = {
        name: [
            None if value == levels else f"{name}{value}" for value in generator.integers(levels + 1, size=len(worker))
        ]
        for name, levels in {"a": 3, "b": 2}.items()
    }
    return pl.DataFrame({"worker": [f"w{at}" for at in worker], **columns})


@MANY
@given(st.integers(1, 120), st.integers(0, 10_000))
def test_cells_are_withheld_by_name_as_by_number(workers: int, seed: int) -> None:
    """A cell of the table is shown where neither it nor a total that it is in is withheld."""
    given_records = records(workers, seed)
    names = (["a"], ["b"], ["a", "b"])
    table = CellTable(names)
    table.add(given_records)
    worker = given_records["worker"].rank("dense").to_numpy().astype(np.intp) - 1
    cells, keys = [], []
    for columns in names:
        known = given_records.select(columns).rows()
        distinct = list(dict.fromkeys(row for row in known if None not in row))
        cells.append(np.array([distinct.index(row) if None not in row else -1 for row in known], dtype=np.intp))
        keys.append(distinct)
    hidden = withhold(cells, worker, range(len(cells)))
    in_hidden = [np.append(mask, False)[cell] for mask, cell in zip(hidden, cells, strict=True)]
    expected = {
        (*key, len(set(worker[cells[2] == at])), int((cells[2] == at).sum()))
        for at, key in enumerate(keys[2])
        if not np.any([mask[cells[2] == at] for mask in in_hidden])
    }
    assert set(table.shown().rows()) == expected
    totals = {(*key, int((cells[0] == at).sum())) for at, key in enumerate(keys[0])}
    assert set(table.records(0).rows()) == totals


def people(workers: int, records: int = 1) -> CellTable:
    table = CellTable(([], ["a"]))
    names = [f"w{at}" for at in range(workers)] * records
    table.add(pl.DataFrame({"worker": names, "a": ["x"] * len(names)}))
    return table


def test_everybody_together_is_a_cell() -> None:
    assert people(SMALLEST_CELL - 1).shown().is_empty()
    assert people(SMALLEST_CELL).shown().rows() == [("x", SMALLEST_CELL, SMALLEST_CELL)]


def test_many_records_of_few_workers_are_few() -> None:
    assert people(9, records=100).shown().is_empty()


def test_no_records_have_no_cells() -> None:
    table = CellTable(([], ["a"]))
    table.add(pl.DataFrame(schema={"worker": pl.String, "a": pl.String}))
    assert table.shown().is_empty()
    assert table.records(1).is_empty()
