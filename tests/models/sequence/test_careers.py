"""Careers as index tensors: every column by hand, padding, and values that training did not see."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from laborllm.models.sequence.inputs.careers import Careers, index_careers, index_sizes
from laborllm.models.sequence.inputs.vocabulary import Vocabulary
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance

TAXONOMY = Taxonomy.from_occupations("abc", [("a", "Actors", ""), ("b", "Bakers", ""), ("c", "Cooks", "")])
NONE = len(TAXONOMY)

# worker, year, occupation, education, gender, region
RECORDS = [
    ("1", 2000, "a", "high school", "female", "west"),
    ("1", 2001, "a", "high school", "female", "south"),
    ("1", 2003, "b", "college", "female", "south"),
    ("1", 2010, "b", "college", "female", "south"),
    ("1", 2011, "b", None, "female", "south"),
    ("2", 2001, "c", "college", None, None),
]


@pytest.fixture
def small() -> Panel:
    names = ["worker", "year", "occupation", "education", "gender", "region"]
    records = pl.DataFrame(RECORDS, schema=names, orient="row").with_columns(split=pl.lit("train"))
    return Panel(records, TAXONOMY, "ABC", Provenance("by hand"))


@pytest.fixture
def careers(small: Panel) -> Careers:
    return index_careers(small, Vocabulary.of(small))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("occupation", [0, 0, 1, 1, 1, 2]),
        ("previous", [NONE, 0, 0, 1, 1, NONE]),
        ("before_previous", [NONE, NONE, 0, 0, 1, NONE]),
        ("year", [1, 2, 3, 4, 5, 2]),
        ("education", [2, 2, 1, 1, 0, 1]),
        ("gender", [1, 1, 1, 1, 1, 0]),
        ("ethnicity", [0, 0, 0, 0, 0, 0]),
        ("region", [2, 2, 2, 2, 2, 0]),  # that of the first record
        ("birth_year", [0, 0, 0, 0, 0, 0]),
        ("gap", [0, 1, 2, 4, 1, 0]),  # four or more years are one value
        ("position", [0, 1, 2, 3, 4, 0]),
        ("tenure", [0, 1, 2, 1, 2, 0]),  # records in the last occupation, before this one
        ("education_change", [0, 0, 1, 0, 0, 0]),
    ],
)
def test_columns_by_hand(careers: Careers, name: str, expected: list[int]) -> None:
    assert careers.index[name].tolist() == expected


def test_a_batch_is_padded_at_the_end(careers: Careers) -> None:
    batch = careers.batch([1, 0])
    assert batch.present.tolist() == [[True, False, False, False, False], [True] * 5]
    assert batch.index["occupation"].tolist() == [[2, 0, 0, 0, 0], [0, 0, 1, 1, 1]]
    assert batch.records("occupation").tolist() == [2, 0, 0, 1, 1, 1]


def test_every_index_has_a_row(panel: Panel) -> None:
    vocabulary = Vocabulary.of(panel.subset("train"))
    careers, sizes = index_careers(panel, vocabulary), index_sizes(vocabulary)
    for name, size in sizes.items():
        assert careers.index[name].min() >= 0
        assert careers.index[name].max() < size


def test_unseen_values(small: Panel) -> None:
    """A category that training never had is unknown; a year is taken for the nearest, the earlier of two."""
    vocabulary = Vocabulary.of(small)
    assert vocabulary.index("education", pl.Series(["college", "no school", None])).tolist() == [1, 0, 0]
    assert vocabulary.index("year", pl.Series([1990, 2002, 2006, 2007, 2040, None])).tolist() == [1, 2, 3, 4, 5, 0]
    assert vocabulary.index("birth_year", pl.Series([1970, None])).tolist() == [0, 0]
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


def test_order_and_company_of_careers_do_not_matter(panel: Panel) -> None:
    """Each worker's columns are what they are when the panel holds no one else."""
    vocabulary = Vocabulary.of(panel)
    together = index_careers(panel, vocabulary)
    for at, worker in enumerate(panel.records["worker"].unique(maintain_order=True)[:12]):
        records = panel.records.filter(pl.col("worker") == worker)
        alone = index_careers(dataclasses.replace(panel, records=records), vocabulary)
        batch = together.batch([at])
        for name, column in alone.index.items():
            np.testing.assert_array_equal(batch.records(name), column)
