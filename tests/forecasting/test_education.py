"""The chain of education against counts in loops, and draws from it against its table."""

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from laborllm.errors import PanelError
from laborllm.forecasting.simulation.education import AGES, STRENGTH, EducationChain
from laborllm.panel import Panel

YEARS = [2031, 2032]


@pytest.fixture(scope="module")
def careers() -> Panel:
    """Careers of which a tenth of the records do not say the education."""
    panel = ll.import_synthetic(workers=150)
    known = pl.int_range(pl.len()) % 10 > 0
    return panel.with_records(panel.records.with_columns(education=pl.when(known).then("education")))


@pytest.fixture(scope="module")
def chain(careers: Panel) -> EducationChain:
    return EducationChain.fit(careers)


def age_group(year: int, birth_year: int | None) -> int:
    """How many of the ages are reached; the last group where the year of birth is not known."""
    return len(AGES) if birth_year is None else sum(year - birth_year >= age for age in AGES)


def test_the_table_is_of_counts_shrunk_toward_all_ages(careers: Panel, chain: EducationChain) -> None:
    counts: Counter[tuple[int, str, str]] = Counter()
    for career in careers.subset("train").records.partition_by("worker"):
        for one, two in pairwise(career.sort("year").iter_rows(named=True)):
            if one["education"] and two["education"]:
                counts[age_group(two["year"], two["birth_year"]), one["education"], two["education"]] += 1
    overall: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, before, after), times in counts.items():
        overall[before][after] += times
    assert list(chain.levels) == sorted({level for _, *pair in counts for level in pair})
    for age in range(len(AGES) + 1):
        for row, before in enumerate(chain.levels):
            whole = sum(overall[before].values())
            here = sum(counts[age, before, after] for after in chain.levels)
            for column, after in enumerate(chain.levels):
                share = overall[before][after] / whole if whole else float(before == after)
                expected = (counts[age, before, after] + STRENGTH * share) / (here + STRENGTH)
                assert chain.table[age, row, column] == pytest.approx(expected, abs=1e-5)


def test_draws_follow_the_table(careers: Panel, chain: EducationChain) -> None:
    opened = careers.sample(40, seed=1).open(YEARS)
    expected = np.zeros((2, len(chain.levels)))
    for career in opened.records.partition_by("worker"):
        rows = career.sort("year").rows(named=True)
        *_, last, first, second = rows
        if last["education"] is None:
            continue
        law = np.eye(len(chain.levels))[chain.levels.index(last["education"])]
        for at, row in enumerate((first, second)):
            law = law @ chain.table[age_group(row["year"], row["birth_year"])]
            expected[at] += law
    ways = 400
    found = np.zeros_like(expected)
    known = expected[0].sum()
    for drawn in chain.draw(opened, ways, seed=3):
        unknown_last = opened.records.filter(pl.col("occupation").is_not_null()).group_by("worker").last()
        skipped = unknown_last.filter(pl.col("education").is_null())["worker"].implode()
        records = drawn.records.filter(pl.col("occupation").is_null(), ~pl.col("worker").is_in(skipped))
        for at, year in enumerate(YEARS):
            for level, times in records.filter(year=year)["education"].value_counts().iter_rows():
                found[at, chain.levels.index(level)] += times / ways
    assert found.sum(axis=1).tolist() == pytest.approx([known, known])
    spread = np.sqrt(known * 0.25 / ways)
    assert np.abs(found - expected).max() < 6 * spread


def test_only_the_education_of_open_records_is_drawn(careers: Panel, chain: EducationChain) -> None:
    opened = careers.sample(20, seed=2).open(YEARS)
    for drawn in chain.draw(opened, 3, seed=0):
        assert drawn.records.drop("education").equals(opened.records.drop("education"))
        closed = pl.col("occupation").is_not_null()
        assert drawn.records.filter(closed).equals(opened.records.filter(closed))


def test_draws_of_a_worker_depend_on_no_other(careers: Panel, chain: EducationChain) -> None:
    many = careers.sample(20, seed=2).open(YEARS)
    few = many.part(many.records.filter(pl.col("worker").is_in(many.records["worker"].unique().sort()[:5].implode())))
    for alone, among in zip(chain.draw(few, 4, seed=8), chain.draw(many, 4, seed=8), strict=True):
        theirs = among.records.filter(pl.col("worker").is_in(few.records["worker"].unique().implode()))
        assert alone.records.equals(theirs)
    other = next(iter(chain.draw(many, 1, seed=9)))
    assert other.workers == many.workers


def test_a_panel_that_does_not_know_education_has_no_chain(careers: Panel) -> None:
    none = careers.records.with_columns(education=pl.lit(None, pl.String))
    with pytest.raises(PanelError, match="known education"):
        EducationChain.fit(careers.with_records(none))
