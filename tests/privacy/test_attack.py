"""The attack itself: it cracks tables that are not protected, by subtraction and by bounds, and no others."""

import numpy as np
import pytest

from laborllm.privacy import withhold
from privacy.attack import Cell, Publication, by_bounds, by_subtraction


def two_kinds(few: int) -> Publication:
    """Forty workers, all of them and the many shown."""
    kind = [("few",) if worker < few else ("many",) for worker in range(40)]
    return Publication({"all": [()] * 40, "kind": list(kind)}, range(40), {("all", ()), ("kind", ("many",))})


def test_a_total_less_what_is_shown() -> None:
    assert two_kinds(3).recovered() == {("kind", ("few",))}
    assert two_kinds(10).recovered() == set()


def test_a_small_cell_that_is_shown() -> None:
    published = two_kinds(3)
    shown: set[Cell] = {("kind", ("few",))}
    assert Publication(published.partitions, published.worker, shown).recovered() == shown


def test_a_table_with_margins_whose_zeros_give_a_cell_away() -> None:
    """Of b, c and d together there is nobody, so b is none of a + b: no subtraction says so, bounds do."""
    kinds = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 0], [0, 1, 0]], dtype=bool)  # cells a + b, b + c + d, a
    shown, wanted = np.array([True, True, False]), np.array([False, False, True])
    nobody = np.array([4, 0, 0, 0])
    assert not (by_subtraction(kinds, shown) & wanted).any()
    assert by_bounds(kinds, nobody, shown, wanted).tolist() == [False, False, True]
    assert not by_bounds(kinds, np.array([4, 1, 0, 0]), shown, wanted).any()


@pytest.mark.parametrize("integer", [False, True])
def test_a_table_of_four_margins_without_its_small_cells(integer: bool) -> None:
    """Three rows by three columns: one hidden cell follows from the margins, four in a square do not."""
    counts = np.array([[30, 20, 15], [12, 25, 14], [16, 3, 22]])
    row, column = (place.ravel() for place in np.indices(counts.shape))
    worker = range(counts.sum())
    of_row, of_column = np.repeat(row, counts.ravel()), np.repeat(column, counts.ravel())
    cell = of_row * 3 + of_column
    partitions = {"row": list(of_row), "column": list(of_column), "cell": list(cell)}
    margins: set[Cell] = {(name, at) for name in ("row", "column") for at in range(3)}
    one: set[Cell] = margins | {("cell", at) for at in range(9) if at != 7}
    assert Publication(partitions, worker, one).recovered(integer=integer) == {("cell", 7)}
    square: set[Cell] = margins | {("cell", at) for at in range(9) if at not in (3, 4, 6, 7)}
    assert Publication(partitions, worker, square).recovered(integer=integer) == set()


def test_what_is_withheld_is_recovered_without_protection_and_not_with_it() -> None:
    """Random tables with margins: only small cells withheld, and then what `withhold` withholds."""
    cracked = 0
    for seed in range(6):
        generator = np.random.default_rng(seed)
        worker = np.repeat(np.arange(120), generator.integers(1, 4, size=120))
        row = generator.choice(3, size=120, p=[0.8, 0.13, 0.07])[worker]
        column = generator.choice(3, size=len(worker), p=[0.7, 0.2, 0.1])
        levels = [np.zeros_like(row), row, column, row * 3 + column]
        partitions = {str(at): level.tolist() for at, level in enumerate(levels)}
        people = {
            (name, at): len({*worker[np.array(each) == at]}) for name, each in partitions.items() for at in {*each}
        }
        naive: set[Cell] = {cell for cell, size in people.items() if size >= 10}
        cracked += Publication(partitions, worker.tolist(), naive).recovered() != set()
        hidden = dict(zip(partitions, withhold(levels, worker), strict=True))
        safe: set[Cell] = {(name, cell) for name, cell in people if not hidden[name][cell]}
        assert Publication(partitions, worker.tolist(), safe).recovered() == set()
    assert cracked >= 4
