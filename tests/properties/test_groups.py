"""What holds of any group of records: each is in one level, crossings are intersections, bins are where they say."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laborllm.errors import OptionError
from laborllm.evaluation.arrays import Indices
from laborllm.evaluation.groups.columns import FIRST, SEEN, columns_of
from laborllm.evaluation.groups.divisions import FIFTHS, UNKNOWN
from laborllm.evaluation.groups.partitions import ALL, Levels, partitions_of
from laborllm.panel import Panel
from laborllm.panel.history import History

FEW = settings(max_examples=15)
SEEDS = st.integers(0, 2**32 - 1)
NAMES = ("transition", "history", "decade", "origin", "destination", "gender", "education", "region", "birth_year")


@dataclass(frozen=True)
class Group(Levels):
    """A partition, and the place in `levels` of each record's, (n,)."""

    level: Indices


def grouped(panel: Panel, *by: str) -> list[Group]:
    """The groups, found in records of a few workers at a time."""
    columns = columns_of(panel, History.of(panel), by)
    parts = list(columns.iter_slices(700)) or [columns]
    sizes = [700] * (len(panel) // 700) + [len(panel) % 700]
    return [
        Group(
            **vars(each.levels),
            level=np.concatenate([each.level_of(*part) for part in zip(parts, sizes, strict=False)]),
        )
        for each in partitions_of(parts, by)
    ]


def named(group: Group) -> list[str]:
    """The level of each record by name."""
    return [group.levels[at] for at in group.level]


@FEW
@given(by=st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=4))
def test_every_record_is_in_one_level_and_no_level_is_empty(panel: Panel, by: list[str]) -> None:
    everyone, *groups = grouped(panel, *by)
    assert (everyone.name, everyone.levels) == (ALL, (ALL,))
    assert [group.name for group in groups] == by
    for group in (everyone, *groups):
        assert len(group.level) == len(panel)
        assert np.unique(group.level).tolist() == list(range(len(group.levels)))
        assert len(set(group.levels)) == len(group.levels)


@FEW
@given(pair=st.lists(st.sampled_from(NAMES), unique=True, min_size=2, max_size=3))
def test_a_crossing_is_the_intersection_of_its_parts(panel: Panel, pair: list[str]) -> None:
    _, crossed = grouped(panel, " * ".join(pair))
    parts = grouped(panel, *pair)[1:]
    assert named(crossed) == [", ".join(levels) for levels in zip(*map(named, parts), strict=True)]


def test_each_group_says_what_it_says(panel: Panel) -> None:
    """Against the records themselves, one after the other."""
    _, transition, seen, decade, origin, destination, gender = grouped(
        panel, "transition", "history", "decade", "origin", "destination", "gender"
    )
    group_of = dict(zip(panel.taxonomy.codes, panel.taxonomy.groups, strict=True))
    before: dict[str, list[str]] = {}
    for at, row in enumerate(panel.records.rows(named=True)):
        past = before.setdefault(row["worker"], [])
        kind = "first" if not past else "stay" if past[-1] == row["occupation"] else "move"
        bins = [name for name, least in SEEN.items() if len(past) >= least]
        assert named(transition)[at] == kind
        assert named(seen)[at] == bins[-1]
        assert named(decade)[at] == f"{row['year'] // 10}0s"
        assert named(origin)[at] == (group_of[past[-1]] if past else FIRST)
        assert named(destination)[at] == group_of[row["occupation"]]
        assert named(gender)[at] == (row["gender"] or UNKNOWN)
        past.append(row["occupation"])


@FEW
@given(seed=SEEDS, missing=st.floats(0, 0.5), ties=st.booleans())
def test_fifths_are_cut_at_the_quintiles_of_what_is_known(panel: Panel, seed: int, missing: float, ties: bool) -> None:
    generator = np.random.default_rng(seed)
    wage = generator.normal(20, 5, size=len(panel))
    wage = wage.round() if ties else wage
    known = generator.random(len(panel)) >= missing
    column = pl.Series("wage", np.where(known, wage, np.nan)).fill_nan(None)
    _, group = grouped(replace(panel, records=panel.records.with_columns(column)), "wage")
    edges = np.quantile(wage[known], [0.2, 0.4, 0.6, 0.8])
    expected = [FIFTHS[sum(value > edges)] if here else UNKNOWN for value, here in zip(wage, known, strict=True)]
    assert named(group) == expected
    if not ties:
        sizes = [named(group).count(fifth) for fifth in FIFTHS]
        assert max(sizes) - min(sizes) <= 1


@FEW
@given(values=st.lists(st.one_of(st.none(), st.sampled_from(["x", "é", "10", "9", ""])), min_size=1, max_size=6))
def test_text_is_grouped_by_value_in_its_order_and_the_missing_are_last(panel: Panel, values: list[str | None]) -> None:
    column = pl.Series("label", [values[at % len(values)] for at in range(len(panel))], pl.String)
    _, group = grouped(replace(panel, records=panel.records.with_columns(column)), "label")
    known = sorted({value for value in values if value is not None})
    assert list(group.levels) == known + ([UNKNOWN] if None in values else [])
    assert named(group) == [UNKNOWN if value is None else value for value in column]


@pytest.mark.parametrize("kind", [pl.Int64, pl.Float64, pl.Boolean, pl.String])
def test_numbers_of_many_values_are_cut_and_text_of_many_is_refused(panel: Panel, kind: type[pl.DataType]) -> None:
    number = pl.int_range(len(panel)).alias("own")
    own = (number % 2 == 0).alias("own") if kind is pl.Boolean else number.cast(kind)
    given_panel = replace(panel, records=panel.records.with_columns(own))
    if kind is pl.String:
        with pytest.raises(OptionError, match="the column 'own' has more than 100 values, the most levels that"):
            grouped(given_panel, "own")
        return
    levels = grouped(given_panel, "own")[1].levels
    assert levels == (("False", "True") if kind is pl.Boolean else FIFTHS)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        (["gender", "age", "gender"], "a group is named twice in gender, age, gender"),
        (["age"], "unknown group 'age': use transition, history, decade, origin, destination, year, "),
        (["gender*age"], "unknown group 'age'"),
        (["worker"], "unknown group 'worker'"),
        ([""], "unknown group ''"),
    ],
)
def test_what_is_no_group_is_refused(panel: Panel, by: list[str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        grouped(panel, *by)


def test_a_column_without_numbers_has_no_fifths(panel: Panel) -> None:
    empty = replace(panel, records=panel.records.with_columns(wage=pl.lit(None, pl.Float64)))
    with pytest.raises(OptionError, match="the column 'wage' holds no numbers to group by"):
        grouped(empty, "wage")


@FEW
@given(seed=SEEDS)
def test_the_order_of_workers_moves_no_record_to_another_level(panel: Panel, seed: int) -> None:
    """Names of workers say nothing: renamed, everybody keeps her levels."""
    names = panel.records["worker"].unique(maintain_order=True).to_list()
    renamed = dict(zip(names, np.random.default_rng(seed).permutation(len(names)).astype(str), strict=True))
    other = replace(panel, records=panel.records.with_columns(pl.col("worker").replace_strict(renamed)))
    for one, two in zip(grouped(panel, *NAMES), grouped(other, *NAMES), strict=True):
        ours = dict(zip(panel.records.select("worker", "year").rows(), named(one), strict=True))
        theirs = dict(zip(other.records.select("worker", "year").rows(), named(two), strict=True))
        assert {(renamed[worker], year): level for (worker, year), level in ours.items()} == theirs
