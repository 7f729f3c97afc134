"""Counting careers some at a time: what is withheld is the same, and memory grows with cells and not with workers."""

import tracemalloc

import numpy as np
import pytest

from laborllm.privacy.counts import CellCounts
from laborllm.privacy.rules import SMALLEST_CELL, Indices
from laborllm.privacy.suppression import withheld_cells, withhold


def draw(seed: int, workers: int, cells: int) -> tuple[list[Indices], Indices]:
    """All records, a partition of workers, one of records that not all are in, and their crossing."""
    generator = np.random.default_rng(seed)
    worker = np.repeat(np.arange(workers), generator.integers(1, 5, size=workers))
    chances = generator.dirichlet(np.ones(cells))
    person = generator.choice(cells, size=workers, p=chances)[worker]
    record = np.where(generator.random(len(worker)) < 0.1, -1, generator.choice(cells, size=len(worker), p=chances))
    crossed = np.where(record < 0, -1, person * cells + record)
    return [np.zeros_like(worker), person, record, crossed], worker


def in_blocks(partitions: list[Indices], worker: Indices, block: int) -> CellCounts:
    """The counts of some workers after the other."""
    counts = CellCounts(len(partitions))
    for first in range(0, int(worker.max()) + 1, block):
        part = (worker >= first) & (worker < first + block)
        counts.add([level[part] for level in partitions], worker[part] - first)
    return counts


@pytest.mark.parametrize("seed", range(8))
def test_in_blocks_and_at_once(seed: int) -> None:
    partitions, worker = draw(seed, 80, 4)
    counts = in_blocks(partitions, worker, 7)
    at_once = withhold(partitions, worker, [0, 0, 1, 2])
    assert [mask.tolist() for mask in withheld_cells(counts, [0, 0, 1, 2])] == [mask.tolist() for mask in at_once]
    people = [len(set(worker[level == cell])) for level in partitions for cell in range(level.max() + 1)]
    assert counts.people.tolist() == people
    atoms = set(zip(*(level.tolist() for level in partitions), strict=True))
    assert {tuple(atom) for atom in counts.atoms.tolist()} == atoms


@pytest.mark.parametrize("seed", range(4))
def test_the_workers_remembered_span_what_all_workers_span(seed: int) -> None:
    """Sums of cells are equal for all workers where they are for these, and no more are remembered than it takes."""
    partitions, worker = draw(seed, 60, 3)
    kinds = in_blocks(partitions, worker, 11).kinds
    columns = [level == cell for level in partitions for cell in range(level.max() + 1)]
    everyone = np.stack([np.bincount(worker, column) > 0 for column in columns], axis=1).astype(float)
    rank = np.linalg.matrix_rank(everyone)
    assert len(kinds) == rank == np.linalg.matrix_rank(np.vstack([everyone, kinds]))


def test_no_more_workers_of_a_set_are_remembered_than_the_rule_asks_for() -> None:
    partitions, worker = draw(0, 500, 3)
    counts = in_blocks(partitions, worker, 100)
    for carriers in (counts.carriers, counts.atom_carriers):
        assert np.bincount(carriers.pairs[:, 0]).max() == SMALLEST_CELL


def test_memory_does_not_grow_with_workers() -> None:
    blocks = [draw(seed, 2_000, 6) for seed in range(3)]

    def peak(times: int) -> int:
        tracemalloc.start()
        counts = CellCounts(4)
        for at in range(times):
            counts.add(*blocks[at % len(blocks)])
        withheld_cells(counts)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(12) < 1.1 * peak(3)
