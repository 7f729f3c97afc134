"""What fewer than ten people carry: pooled by major group, and none told apart."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import PanelError
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.panel.rare import pool_rare

CODES = ("a", "b", "c", "d", "e", "f")
GROUPS = ("one", "one", "one", "two", "two", "three")
TAXONOMY = Taxonomy.from_occupations("six", [(code, f"Title {code}", "") for code in CODES])


def panel_of(carriers: dict[str, int], **columns: object) -> Panel:
    """A panel in which each occupation has this many training workers, a record each."""
    rows = [
        {"worker": f"{code}{at}", "year": 2000, "occupation": code, "split": "train", **columns}
        for code, count in carriers.items()
        for at in range(count)
    ]
    return Panel(pl.DataFrame(rows), TAXONOMY, "SIX", Provenance("by hand"))


def test_rare_occupations_of_a_group_are_one_class() -> None:
    pooled = pool_rare(panel_of({"a": 20, "b": 6, "c": 7, "d": 30, "e": 12, "f": 10}), GROUPS)
    assert pooled.classes == (("b", "c"),)
    assert pooled.panel.taxonomy.codes == ("a", "b", "d", "e", "f")
    assert pooled.panel.records["occupation"].value_counts().sort("occupation").rows() == [
        ("a", 20), ("b", 13), ("d", 30), ("e", 12), ("f", 10)
    ]  # fmt: skip
    assert pooled.whole == TAXONOMY


def test_groups_whose_class_is_too_small_are_one_class_together() -> None:
    pooled = pool_rare(panel_of({"a": 20, "b": 3, "c": 2, "d": 30, "e": 4, "f": 3}), GROUPS)
    assert pooled.classes == (("b", "c", "e", "f"),)


def test_a_remainder_that_is_too_small_takes_the_smallest_class_along() -> None:
    pooled = pool_rare(panel_of({"a": 20, "b": 9, "c": 5, "d": 30, "e": 4, "f": 50}), GROUPS)
    assert pooled.classes == (("b", "c", "e"),)


def test_an_occupation_that_nobody_carries_is_pooled_too() -> None:
    assert pool_rare(panel_of({"a": 20, "b": 12, "c": 5, "d": 30, "e": 9}), GROUPS).classes == (("c", "e", "f"),)


def test_nothing_to_pool() -> None:
    panel = panel_of(dict.fromkeys(CODES, 10))
    pooled = pool_rare(panel, GROUPS)
    assert pooled.classes == ()
    assert pooled.panel.records.equals(panel.records)


def test_too_few_altogether() -> None:
    with pytest.raises(PanelError, match="carried by as few together"):
        pool_rare(panel_of({"a": 20, "b": 20, "c": 20, "d": 20, "e": 20, "f": 4}), GROUPS)


def test_values_of_covariates_that_too_few_carry_are_missing() -> None:
    panel = panel_of(dict.fromkeys(CODES, 10), education="college", birth_year=1970)
    odd = pl.col("worker").is_in([f"a{at}" for at in range(9)])
    records = panel.records.with_columns(education=pl.when(odd).then(pl.lit("rare")).otherwise("education"))
    pooled = pool_rare(panel.with_records(records), GROUPS).panel.records
    assert pooled["education"].null_count() == 9
    assert pooled["education"].drop_nulls().unique().to_list() == ["college"]
    assert pooled["birth_year"].null_count() == 0


def test_workers_of_other_splits_do_not_count() -> None:
    panel = panel_of(dict.fromkeys(CODES, 12))
    tested = pl.when(pl.col("worker").is_in(["a0", "a1", "a2", "b0", "b1", "b2"])).then(pl.lit("test"))
    records = panel.records.with_columns(split=tested.otherwise("split"))
    assert pool_rare(panel.with_records(records), GROUPS).classes == (("a", "b"),)


@given(st.lists(st.integers(0, 14), min_size=6, max_size=6).filter(lambda counts: sum(counts) >= 10))
def test_no_occupation_of_the_pooled_panel_has_fewer_than_ten(counts: list[int]) -> None:
    carriers = dict(zip(CODES, counts, strict=True))
    if 0 < sum(count for count in counts if count < 10) < 10 or all(count in (0, *range(10, 15)) for count in counts):
        return  # too few together, which is an error of its own
    pooled = pool_rare(panel_of(carriers), GROUPS)
    workers = pooled.panel.records.group_by("occupation").agg(pl.col("worker").n_unique())
    assert workers["worker"].min() >= 10  # type: ignore[operator]
    assert set(pooled.panel.taxonomy.codes) == set(workers["occupation"])
    assert sum(len(codes) - 1 for codes in pooled.classes) == len(TAXONOMY) - len(pooled.panel.taxonomy)
