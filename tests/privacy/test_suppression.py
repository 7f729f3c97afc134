"""An attacker with linear algebra learns nothing that is withheld."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.privacy import SMALLEST_CELL, withhold, withhold_counts
from laborllm.privacy.rules import Bools, Indices


def hide(columns: dict[str, Indices], worker: Indices) -> tuple[Bools, Bools]:
    """All records, then the levels of each column: whether a record is in a cell, (n, c); what is withheld, (c,)."""
    everything = np.zeros(len(worker), dtype=np.intp)
    levels = [everything, *(np.unique(column, return_inverse=True)[1] for column in columns.values())]
    members = np.concatenate([level[:, None] == np.arange(level.max() + 1) for level in levels], axis=1)
    return members, np.concatenate(withhold(levels, worker))


def recovered(values: Bools, hidden: Bools) -> list[int]:
    """The hidden cells whose total follows from the shown ones: with the unknown of every record (or worker) as a
    variable, the hidden total is the same for all solutions of the shown ones."""
    shown = values[:, ~hidden].astype(float)
    rank = np.linalg.matrix_rank(shown) if shown.size else 0
    return [
        int(cell)
        for cell in np.flatnonzero(hidden)
        if values[:, cell].any() and np.linalg.matrix_rank(np.column_stack([shown, values[:, cell]])) == rank
    ]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(12, 60), st.integers(1, 3), st.integers(2, 5))
def test_no_attack_recovers_what_is_withheld(seed: int, workers: int, columns: int, levels: int) -> None:
    """Random panels and groups, of workers and of records, and a crossing of the first two."""
    generator = np.random.default_rng(seed)
    worker = np.repeat(np.arange(workers), generator.integers(1, 5, size=workers))
    chances = generator.dirichlet(np.ones(levels) * 0.6)
    given = {"person": generator.choice(levels, size=workers, p=chances)[worker]}
    for column in range(columns):
        given[f"record {column}"] = generator.choice(levels, size=len(worker), p=chances)
    given["crossed"] = given["person"] * levels + given["record 0"]
    members, hidden = hide(given, worker)
    people = np.stack([np.bincount(worker, mask, workers) > 0 for mask in members.T], axis=1)
    assert hidden[people.sum(axis=0) < SMALLEST_CELL].all()
    assert recovered(members, hidden) == []
    small = people.sum(axis=0) < SMALLEST_CELL
    assert not [cell for cell in recovered(people, hidden) if small[cell]]


def test_a_withheld_cell_takes_the_next_smallest_with_it() -> None:
    """All minus first minus stay would give the moves away."""
    kind = np.repeat([0, 1, 2], [30, 25, 4])
    assert hide({"transition": kind}, np.arange(59))[1].tolist() == [False, False, True, True]


def test_nothing_is_withheld_without_need() -> None:
    assert not hide({"a": np.arange(60) % 3, "b": np.arange(60) % 2}, np.arange(60))[1].any()


def test_two_small_cells_hide_each_other_only_if_they_are_many_together() -> None:
    many = np.repeat([0, 1, 2, 3], [20, 30, 6, 6])
    assert hide({"a": many}, np.arange(62))[1].tolist() == [False, False, False, True, True]
    few = np.repeat([0, 1, 2, 3], [20, 30, 3, 3])
    assert hide({"a": few}, np.arange(56))[1].tolist() == [False, True, False, True, True]


def test_cells_that_differ_by_a_few_workers_are_not_both_shown() -> None:
    """Forty men of whom all but three live in the south: men minus southern men are those three."""
    men = np.repeat([0, 1], [40, 60])
    south = np.repeat([0, -1], [37, 63])
    assert [hidden.tolist() for hidden in withhold([men, south], np.arange(100))] == [[False, False], [True]]


def test_what_is_given_up_first_is_said() -> None:
    men, south = np.zeros(40, dtype=np.intp), np.repeat([0, -1], [37, 3])
    assert [hidden.tolist() for hidden in withhold([men, south], np.arange(40), rank=[1, 0])] == [[True], [False]]


def test_a_group_that_no_cell_names_is_protected_too() -> None:
    """(men, south) + (women, north) against the margins: with no northern man, three southern women follow."""
    women, north = np.repeat([0, 1, 1], [40, 3, 40]), np.repeat([0, 0, 1], [40, 3, 40])
    members, hidden = hide({"gender": women, "region": north}, np.arange(83))
    shown = members[:, ~hidden].astype(float)
    target = ((women == 1) & (north == 0)).astype(float)
    assert np.linalg.matrix_rank(np.column_stack([shown, target])) > np.linalg.matrix_rank(shown)


@pytest.mark.parametrize(
    ("workers", "kept"),
    [
        ([30, 20, 4], [30]),
        ([30, 20, 6, 6], [30, 20]),
        ([30, 20, 10], [30, 20, 10]),
        ([30, 4, 4], []),
        ([4], []),
        ([12], [12]),
    ],
)
def test_rows_of_a_table_with_a_known_total(workers: list[int], kept: list[int]) -> None:
    assert withhold_counts(pl.DataFrame({"workers": workers}))["workers"].to_list() == kept


def test_each_total_has_its_own_complement() -> None:
    cells = pl.DataFrame({"origin": ["a", "a", "b", "b"], "workers": [40, 3, 15, 11]})
    assert withhold_counts(cells, ["origin"])["workers"].to_list() == [15, 11]
